"""Sanitizes text from upstream before it is stored."""

import math
import re
from typing import Any

from django.core.exceptions import ValidationError

from cleanlist import characters

# PostgreSQL cannot store NUL either. Tab, line feed and carriage return stay, as do the marks that Hebrew, Arabic and
# emoji need.
_HARMFUL = re.compile(f"[{characters.HARMFUL}]")
_NOT_IN_A_LINE = re.compile(f"[{characters.HARMFUL}{characters.BREAKS}]")


def sanitize_text(value: str | None, limit: int) -> str:
    """Return ``value`` with harmful characters replaced, cut to ``limit`` characters; empty for None."""
    text = value or ""
    if not text.isprintable():  # a fast check that most text passes; no harmful character is printable
        text = _HARMFUL.sub("\ufffd", text)
    return text[:limit]


def sanitize_json(value: Any) -> Any:
    """Return ``value`` as JSON that databases can store: strings are sanitized, and NaN and infinity become None."""
    if isinstance(value, str):
        return sanitize_text(value, 10_000)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {sanitize_text(str(name), 200): sanitize_json(item) for name, item in value.items()}
    return [sanitize_json(item) for item in value] if isinstance(value, list | tuple) else value


def validate_single_line(value: str) -> None:
    """Raise ValidationError if a name that a person typed has line breaks or invisible characters.

    NUL is left to Django's text fields, which refuse it with the same message.
    """
    if _NOT_IN_A_LINE.search(value.replace("\0", "")):
        raise ValidationError("Contains an invisible character. Type it instead of pasting it.")
