"""The text of a pasted body: on which line each part begins, and how it is split if it has too many contacts."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from cleanlist.models import JsonObject
from cleanlist.pricing import MAX_CONTACTS
from troubleshooting.body.validation import BodyFinding, BodyValidation, Loc

_READ = json.JSONDecoder().raw_decode
_BLANKS = re.compile(r"[ \t\n\r]*")


def find_lines(text: str, findings: Iterable[BodyFinding]) -> list[int | None]:
    """Return the line of each finding, from 1; None where its location is not in ``text``, or all of it."""
    ends = [match.start() for match in re.finditer("\n", text)]
    wanted = [finding.loc for finding in findings]
    starts = _starts(text) if any(isinstance(part, str) for loc in wanted for part in loc[1:]) else {}
    return [_line(starts, ends, loc) for loc in wanted]


def _line(starts: dict[Loc, int], ends: list[int], loc: Loc) -> int | None:
    """Return the line of ``loc``; a part that is not there is looked for where it belongs."""
    if len(loc) == 2 and isinstance(loc[1], int):  # where the parser gave up
        return bisect_left(ends, loc[1]) + 1
    start = starts.get(loc, starts.get(loc[:3]) if len(loc) > 3 else None)
    return None if start is None else bisect_left(ends, start) + 1


def _starts(text: str) -> dict[Loc, int]:
    found: dict[Loc, int] = {}
    try:
        for name, place, value in _members(text, _skip(text, int(text.startswith("\ufeff")))):
            found["body", name] = place
            if name == "contacts" and text[value] == "[":
                found.update(_starts_of_contacts(text, value))
    except (ValueError, IndexError, RecursionError):  # no JSON, or nested too deeply: there is nothing to point to
        return {}
    return found


def _starts_of_contacts(text: str, at: int) -> Iterator[tuple[Loc, int]]:
    for index, place in enumerate(_items(text, at)):
        yield ("body", "contacts", index), place
        if text[place] == "{":
            for name, start, _ in _members(text, place):
                yield ("body", "contacts", index, name), start


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, start and start of the value of each member of the object at ``at``."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = _READ(text, at)
        value = _skip(text, _skip(text, end) + 1)  # behind the colon
        yield name, at, value
        _, end = _READ(text, value)
        at = _behind_comma(text, end)


def _items(text: str, at: int) -> Iterator[int]:
    """Yield the start of each item of the array at ``at``."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        _, end = _READ(text, at)
        at = _behind_comma(text, end)


def _behind_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at


def can_be_split(verdict: BodyValidation) -> bool:
    """Return whether too many contacts are all that keeps the API from taking a body."""
    return verdict.status == 400 and verdict.contacts > MAX_CONTACTS


def split_body(text: str) -> Iterator[str]:
    """Yield ``text`` as bodies of up to 250 contacts, otherwise the same. It must be one that can be split."""
    body: JsonObject = json.loads(text.encode("utf-8", "surrogatepass"))
    contacts = body["contacts"]
    for start in range(0, len(contacts), MAX_CONTACTS):
        yield json.dumps(body | {"contacts": contacts[start : start + MAX_CONTACTS]})


def as_lines(bodies: Iterable[str]) -> Iterator[str]:
    """Yield one body a line."""
    return (f"{body}\n" for body in bodies)
