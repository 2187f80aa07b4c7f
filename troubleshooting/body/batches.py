"""A body with too many contacts, as several that the API takes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from cleanlist.pricing import MAX_CONTACTS
from troubleshooting.body.validation import BodyValidation


def can_be_split(verdict: BodyValidation) -> bool:
    """Return whether too many contacts are all that keeps the API from taking a body."""
    return verdict.status == 400 and verdict.contacts > MAX_CONTACTS


def split_body(text: str) -> Iterator[str]:
    """Yield ``text`` as bodies of up to 250 contacts, otherwise the same. It must be one that can be split."""
    body: dict[str, Any] = json.loads(text.encode("utf-8", "surrogatepass"))
    contacts = body["contacts"]
    for start in range(0, len(contacts), MAX_CONTACTS):
        yield json.dumps(body | {"contacts": contacts[start : start + MAX_CONTACTS]})


def as_lines(bodies: Iterable[str]) -> Iterator[str]:
    """Yield one body a line."""
    return (f"{body}\n" for body in bodies)
