"""Formats numbers, durations and times for alerts."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


_STAMP = re.compile(r"\[\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)\]\]")


def time_marker(moment: datetime) -> str:
    """Return a marker for a time in stored text, which ``localize_times`` replaces in each reader's time zone."""
    return f"[[{moment.astimezone(UTC).isoformat(timespec='seconds')}]]"


def localize_times(text: str) -> str:
    """Replace the time markers in ``text`` by times in the current time zone: "28 Nov 2026, 18:35 CET"."""

    def local(found: re.Match[str]) -> str:
        moment = timezone.localtime(datetime.fromisoformat(found[1]))
        return f"{moment.day} {moment:%b %Y, %H:%M %Z}"

    return _STAMP.sub(local, str(text))


def format_duration(time: timedelta) -> str:
    """Return a duration in the largest unit that occurs at least twice, or exactly once: "45 minutes", "3 days"."""
    return _in_words(time, round)


def format_duration_floor(time: timedelta) -> str:
    """Return a duration like ``format_duration`` but rounded down, for remaining times: 2.6 days are "2 days"."""
    return _in_words(time, int)


def _in_words(time: timedelta, whole: Callable[[float], int]) -> str:
    seconds = max(0, whole(time.total_seconds()))
    for unit, name in _STEPS:
        if seconds >= 2 * unit or (seconds == unit and unit > 1) or unit == 1:
            count = whole(seconds / unit)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "0 seconds"


def format_interval(time: timedelta) -> str:
    """Return an interval in words: "every hour", "every 6 hours"."""
    return "every " + format_duration(time).removeprefix("1 ")


def format_number(value: Decimal | float) -> str:
    """Return a number with thousands separators and at most two decimals."""
    text = f"{Decimal(value):,.2f}"
    return text.rstrip("0").rstrip(".")


def format_quantity(value: Decimal | float, unit: str) -> str:
    """Return a number with its unit, which is singular for one."""
    text = format_number(value)
    return f"{text} {unit[:-1] if text == '1' and unit.endswith('s') else unit}".strip()
