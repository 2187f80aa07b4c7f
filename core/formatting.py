"""Formats numbers, counts, durations and times as words."""

import re
from calendar import day_abbr, month_abbr
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86400
_STEPS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second"))
# From how many seconds on, in which unit. static/js/time.js has the same steps, so that the text does not change when a
# page loads.
DISTANCES = (
    (730 * DAY, 365 * DAY, "year"),
    (60 * DAY, 30 * DAY, "month"),
    (2 * DAY, DAY, "day"),
    (HOUR, HOUR, "hour"),
    (MINUTE, MINUTE, "minute"),
)
_MONTHS = tuple(month_abbr)  # which formats a date whenever it is asked
_STAMP = re.compile(r"\[\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)\]\]")


def time_marker(at: datetime) -> str:
    """Return a marker for a time in stored text, which ``localize_times`` replaces in each reader's time zone."""
    return f"[[{at.astimezone(UTC).isoformat(timespec='seconds')}]]"


def localize_times(text: str) -> str:
    """Replace the time markers in ``text`` by times in the current time zone: "28 Nov 2026, 18:35 CET"."""

    def local(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[1])
        return f"{format_time(at)} {timezone.localtime(at).tzname()}"

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
            return _with_unit(count, name)
    return "0 seconds"


def _with_unit(count: int, unit: str) -> str:
    return f"{count} {ngettext(unit, f'{unit}s', count)}"


def format_distance(at: datetime, now: datetime) -> str:
    """Return the distance of ``at`` from ``now`` in whole units: "3 minutes ago", "in 3 days", "just now"."""
    is_past = now > at
    if words := _in_whole_units(abs(now - at)):
        return f"{words} ago" if is_past else f"in {words}"
    return "just now" if now >= at else "in a moment"


def format_time_left(until: datetime, now: datetime) -> str:
    """Return how long it is until then, in the units and with the rounding of ``format_distance``: "3 days"."""
    return _in_whole_units(max(until - now, timedelta(0))) or "less than a minute"


def _in_whole_units(time: timedelta) -> str:
    seconds = time.total_seconds()
    for least, unit, name in DISTANCES:
        if seconds >= least:
            return _with_unit(int(seconds // unit), name)
    return ""


def format_short(seconds: float) -> str:
    """Return a short form of a duration: "40 s", "14 min", "3 h", "2 d"."""
    seconds = max(0, seconds)
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} d"


def format_day(at: datetime) -> str:
    """Return the day of a time in the current time zone: "28 Nov 2026"."""
    return _day(timezone.localtime(at))


def _day(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month]} {local.year}"


def format_day_heading(at: datetime, now: datetime) -> str:
    """Return the day of a time in the current time zone as a heading: "Today", "Fri 27 Nov", "Fri 27 Nov 2025"."""
    day, today = timezone.localtime(at), timezone.localtime(now)
    if day.date() == today.date():
        return "Today"
    if day.date() == today.date() - timedelta(days=1):
        return "Yesterday"
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day_abbr[day.weekday()]} {day.day} {_MONTHS[day.month]}{year}"


def format_time(at: datetime, *, seconds: bool = False) -> str:
    """Return a time in the current time zone: "28 Nov 2026, 18:35"."""
    local = timezone.localtime(at)
    return f"{_day(local)}, {local.time().isoformat('seconds' if seconds else 'minutes')}"


def format_interval(time: timedelta) -> str:
    """Return an interval in words: "every hour", "every 6 hours"."""
    return "every " + format_duration(time).removeprefix("1 ")


def format_number(value: Decimal | float) -> str:
    """Return a number with thousands separators and at most two decimals."""
    text = f"{Decimal(value):,.2f}"
    return text.rstrip("0").rstrip(".")


def counted(number: int | Decimal, singular: str, plural: str = "") -> str:
    """Return a number with what it counts: "1 request", "1,547 requests". The usual plural ends with an s."""
    words = ngettext(singular, plural or f"{singular}s", float(number))
    return f"{Decimal(number).normalize():,f} {words}"


def format_quantity(value: Decimal | float, unit: str) -> str:
    """Return a number with its unit, which is singular for one: "1 day", "3 days", "20%"."""
    text = format_number(value)
    if unit == "%":
        return f"{text}%"
    return f"{text} {unit[:-1] if text == '1' and unit.endswith('s') else unit}".strip()
