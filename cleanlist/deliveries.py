"""Reads the webhook delivery log.

Neither its envelope nor its rows are documented in full, so every usual form is read, and what is not as expected
costs that field only, never the page.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cleanlist.moments import moment_of
from cleanlist.results import DeliveryAttempt

_ENVELOPES = ("deliveries", "items", "data", "attempts", "results")
# Other names under which a field is looked for.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "id": ("attempt_id",),
    "attempt_number": ("attempt",),
    "response_status_code": ("status_code", "http_status"),
    "error_message": ("error",),
    "url": ("target_url", "endpoint"),
    "next_attempt_at": ("next_retry_at",),
}
_FIELDS = {field.name: field.type for field in msgspec.structs.fields(DeliveryAttempt)}


def read_deliveries(body: bytes) -> tuple[DeliveryAttempt, ...]:
    """Read an array of attempts, or an object that holds one. Raises `msgspec.MsgspecError` for anything else."""
    rows = _rows(msgspec.json.decode(body))
    return tuple(_attempt(row) for row in rows if isinstance(row, dict))


def _rows(document: Any) -> list[Any]:
    """Return the array in an answer, also where one envelope is in another."""
    for _ in range(2):
        if not isinstance(document, dict):
            break
        document = next((document[name] for name in _ENVELOPES if document.get(name) is not None), None)
    if isinstance(document, list):
        return document
    raise msgspec.ValidationError(f"Holds no list under any of {', '.join(_ENVELOPES)}")


def _attempt(row: Mapping[str, Any]) -> DeliveryAttempt:
    return DeliveryAttempt(**{name: _field(row, name, kind) for name, kind in _FIELDS.items()})


def _field(row: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = next((row[each] for each in (name, *_ALSO.get(name, ())) if row.get(each) is not None), None)
    if value is None:
        return None
    if name in DeliveryAttempt.moments:
        return moment_of(value)
    try:
        return msgspec.convert(value, kind, strict=isinstance(value, str) and kind == str | None)
    except (msgspec.ValidationError, OverflowError):
        return None
