"""Text from upstream, made fit for storing."""

import re
from typing import Any

# NUL cannot be stored by PostgreSQL and lone surrogates cannot be encoded; both mean nothing to a reader.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def plain_text(value: str | None, limit: int) -> str:
    """Return ``value`` without what no database can store, cut to ``limit`` characters; empty for None."""
    return _UNSTORABLE.sub("\ufffd", value or "")[:limit]


def plain_json(value: Any) -> Any:
    """Return ``value`` with every text in it made plain; PostgreSQL refuses NUL inside JSON too."""
    if isinstance(value, str):
        return plain_text(value, 10_000)
    if isinstance(value, dict):
        return {plain_text(str(name), 200): plain_json(item) for name, item in value.items()}
    return [plain_json(item) for item in value] if isinstance(value, list | tuple) else value
