"""Round times in a time zone: the ticks of a time axis, and the bins of a bar chart."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from math import gcd
from typing import Literal

Unit = Literal["minute", "day", "month"]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# The offsets of time zones are multiples of this.
QUARTER = 15
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Step:
    """The distance of round times: so many minutes, days or calendar months."""

    count: int
    unit: Unit

    @property
    def shortest(self) -> timedelta:
        """Return the least distance of two neighbors, apart from changes of the clock."""
        return {"minute": MINUTE, "day": DAY, "month": 28 * DAY}[self.unit] * self.count


STEPS = (
    *(Step(count, "minute") for count in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(Step(count, "day") for count in (1, 2, 7, 14)),
    *(Step(count, "month") for count in (1, 2, 3, 6, 12, 24, 60, 120)),
)


def round_times(begin: datetime, end: datetime, zone: tzinfo, most: int) -> tuple[Step, list[datetime]]:
    """Return the finest step with at most ``most`` round times from ``begin`` to ``end``, and those times in UTC.

    They are round on a wall clock of ``zone``. Where the clock is set back, steps of more than an hour skip the second
    of two equal times.
    """
    for step in STEPS:
        if (end - begin) / step.shortest > 3 * (most + 1):
            continue
        found = list(_times(step, begin, end, zone))
        if len(found) <= most:
            return step, found
    return STEPS[-1], []


def time_bins(begin: datetime, end: datetime, zone: tzinfo, most: int) -> list[tuple[datetime, datetime]]:
    """Divide ``begin`` to ``end`` at round times into at most ``most`` bins, oldest first."""
    _, inside = round_times(begin, end, zone, most - 1)
    edges = [begin, *(at for at in inside if begin < at < end), end]
    return list(pairwise(edges))


def tick_label(at: datetime, step: Step, zone: tzinfo) -> str:
    """Return the label of a round time: "17:20", "28 Nov", "Nov" or "2026", whatever is new at that time."""
    local = at.astimezone(zone)
    day = f"{local.day} {MONTHS[local.month - 1]}"
    if step.unit == "minute":
        return f"{local:%H:%M}" if local.time() != time() else day
    if step.unit == "day":
        return day
    return str(local.year) if local.month == 1 else MONTHS[local.month - 1]


def _times(step: Step, begin: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    if step.unit == "minute":
        yield from _minutes(step.count, begin, end, zone)
        return
    day = begin.astimezone(zone).date()
    last = end.astimezone(zone).date()
    while day <= last:
        at = datetime.combine(day, time(), zone).astimezone(UTC)
        if _is_round(day, step) and begin <= at <= end:
            yield at
        day += DAY


def _is_round(day: date, step: Step) -> bool:
    if step.unit == "month":
        return day.day == 1 and (day.year * 12 + day.month - 1) % step.count == 0
    # The first day that Python knows was a Monday, so weeks begin on Mondays.
    return (day.toordinal() - 1) % step.count == 0


def _minutes(count: int, begin: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Walk in real time, because a wall clock skips and repeats; at once to the next round time, if it does neither."""
    stride = gcd(count, QUARTER)
    at = datetime.fromtimestamp(-(-begin.timestamp() // (60 * stride)) * 60 * stride, UTC)
    while at <= end:
        local = at.astimezone(zone)
        is_repeated = local.fold == 1 and count > 60
        past = (local.hour * 60 + local.minute) % count
        if past == 0 and not is_repeated:
            yield at
        following = at + (count - past) * MINUTE
        is_even = following.astimezone(zone).utcoffset() == local.utcoffset()
        at = following if is_even else at + stride * MINUTE
