"""Text from upstream, made fit for storing."""

import re

# NUL cannot be stored by PostgreSQL and lone surrogates cannot be encoded; both mean nothing to a reader.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def plain_text(value: str | None, limit: int) -> str:
    """Return ``value`` without what no database can store, cut to ``limit`` characters; empty for None."""
    return _UNSTORABLE.sub("\ufffd", value or "")[:limit]
