"""Text from upstream, made fit for storing."""

import math
import re
from typing import Any

from django.core.exceptions import ValidationError

# NUL cannot be stored by PostgreSQL and lone surrogates cannot be encoded. Other control characters act on terminals
# and mail programs, and what overrides the direction of text turns around the words beside it. None means anything to
# a reader; tab, line feed and carriage return do, as do the marks that Hebrew, Arabic and emoji need.
_HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def sanitize_text(value: str | None, limit: int) -> str:
    """Return ``value`` with what no reader should meet replaced, cut to ``limit`` characters; empty for None."""
    text = value or ""
    if not text.isprintable():  # most is, and is told so much faster; nothing harmful counts as printable
        text = _HARMFUL.sub("\ufffd", text)
    return text[:limit]


def sanitize_json(value: Any) -> Any:
    """Return ``value`` as databases keep JSON: every text made plain, and None for what is no finite number."""
    if isinstance(value, str):
        return sanitize_text(value, 10_000)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {sanitize_text(str(name), 200): sanitize_json(item) for name, item in value.items()}
    return [sanitize_json(item) for item in value] if isinstance(value, list | tuple) else value


def validate_single_line(value: str) -> None:
    """Raise ValidationError when a name that a person typed holds line breaks or characters that nobody can see.

    NUL is left to Django, whose fields of text refuse it by themselves, in the same words.
    """
    if _HARMFUL.search(value.replace("\0", "")) or set(value) & set("\t\r\n\u2028\u2029"):
        raise ValidationError("There is an invisible character in it. Type it instead of pasting it.")
