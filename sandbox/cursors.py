"""Cursors of paged answers: opaque, and refused with 400 anywhere but in the collection that they come from."""

import base64
import binascii
import hashlib
import json

from .errors import ApiError


def write_cursor(number: int, text: str, *collection: object) -> str:
    """Return the cursor of what comes after this place in a collection, named by what tells it from others."""
    place = f"{number}.{text}"
    return base64.urlsafe_b64encode(f"{_check(place, collection)}.{place}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *collection: object) -> tuple[int, str]:
    """Return number and text of a cursor; (-1, "") without one. Raises a 400 `ApiError` for one from elsewhere."""
    if cursor is None:
        return -1, ""
    try:
        check, _, place = (
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode().partition(".")
        )
    except (binascii.Error, ValueError):
        raise _malformed() from None
    if check != _check(place, collection):
        raise _malformed()
    number, _, text = place.partition(".")
    return int(number), text


def _check(place: str, collection: tuple[object, ...]) -> str:
    """Return what fits this place only, so that one made up, or of other filters, doesn't start anew by chance."""
    return hashlib.sha256(json.dumps([place, collection], sort_keys=True).encode()).hexdigest()[:12]


def _malformed() -> ApiError:
    problem = "The cursor is malformed, or belongs to another list or search."
    return ApiError(400, "validation_error", problem, "Send the cursor of the page before, with the same filters.")
