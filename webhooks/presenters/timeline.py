"""A delivery's attempts on a time axis: when each begins, how long it took, and the waits in between."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from webhooks.ingest.delivery_status import ended_at
from webhooks.models import Attempt, Delivery
from webhooks.reasons import RESPONSE_TIMEOUT_MS

# From a time to its position on the axis, in per cent.
ToPercent = Callable[[datetime], float]
# Per cent of the drawing's width: its margins, the least that can be seen, and what a label needs.
_MARGIN, _MIN_WIDTH, _LABEL, _LABEL_ON_PHONES = 2.0, 0.4, 2.6, 8.0
_OUTCOMES = {"ok": "accepted", "danger": "failed", "info": "still running"}


@dataclass(frozen=True)
class RetryWait:
    """The time from the end of one attempt to the next; ``x`` is its middle."""

    seconds: float
    x: str
    has_label: bool
    has_label_on_phones: bool

    @property
    def words(self) -> str:
        """Return how long it was: "2 s"."""
        return format_duration(self.seconds)


@dataclass(frozen=True)
class AttemptBar:
    """One attempt: its bar on the axis in per cent, and the wait after it, if another followed."""

    attempt: Attempt
    number: int
    offset: float
    x: str
    width: str
    middle: str
    wait: RetryWait | None

    @property
    def level(self) -> str:
        """Return how the bar is colored."""
        if self.attempt.acknowledged:
            return "ok"
        return "danger" if self.attempt.reason else "info"

    @property
    def begins(self) -> str:
        """Return how long after the first it began."""
        return f"+{format_duration(self.offset)}"

    @property
    def limit_share(self) -> float | None:
        """Return how much of the time to answer it took, in per cent."""
        took = self.attempt.duration_ms
        return None if took is None else min(100.0, 100 * took / RESPONSE_TIMEOUT_MS)

    @property
    def limit_level(self) -> str:
        """Return how that is colored."""
        share = self.limit_share or 0
        return "danger" if share >= 99 else "warning" if share >= 70 else ""


@dataclass(frozen=True)
class DeliveryRun:
    """The attempts of one delivery from the first to the last; ``next_x`` is where the next one is due."""

    number: int
    bars: Sequence[AttemptBar]
    seconds: float
    next_x: str = ""

    @property
    def length(self) -> str:
        """Return how long it took from the first attempt to the end of the last."""
        return format_duration(self.seconds)

    @property
    def words(self) -> str:
        """Return the drawing in words."""
        outcomes = "; ".join(f"{bar.begins} {_OUTCOMES[bar.level]}" for bar in self.bars)
        return f"{len(self.bars)} attempts: {outcomes}"


def format_duration(seconds: float) -> str:
    """Format a short duration: "0.4 s", "8 s", "2 min 5 s"."""
    if seconds < 10:
        return f"{round(seconds, 1):g} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def runs_of(delivery: Delivery, attempts: Iterable[Attempt]) -> list[DeliveryRun]:
    """Return the runs of ``delivery``, the latest first, each on an axis of its own. ``attempts`` are its own."""
    ordered = sorted(attempts, key=lambda attempt: (attempt.run, attempt.at, attempt.number, attempt.pk))
    runs = [list(found) for _, found in groupby(ordered, key=lambda attempt: attempt.run)]
    drawn = [_draw(found, delivery.next_attempt_at if found is runs[-1] else None) for found in runs]
    return drawn[::-1]


def _draw(attempts: Sequence[Attempt], following: datetime | None) -> DeliveryRun:
    start, last = attempts[0].at, max(map(ended_at, attempts))
    end = max(last, following) if following else last
    length = max((end - start).total_seconds(), 0.001)

    def to_percent(at: datetime) -> float:
        return _MARGIN + (100 - 2 * _MARGIN) * (at - start).total_seconds() / length

    bars = [
        _attempt_bar(attempt, number, start, to_percent, wait)
        for number, (attempt, wait) in enumerate(zip(attempts, _waits(attempts, to_percent), strict=True), 1)
    ]
    next_x = f"{to_percent(following):.2f}%" if following else ""
    return DeliveryRun(attempts[0].run, bars, (last - start).total_seconds(), next_x)


def _waits(attempts: Sequence[Attempt], to_percent: ToPercent) -> list[RetryWait | None]:
    """Return the wait after each attempt; None after the last."""
    found: list[RetryWait | None] = []
    for before, after in pairwise(attempts):
        begin, end = to_percent(ended_at(before)), to_percent(after.at)
        seconds = max(0.0, (after.at - ended_at(before)).total_seconds())
        share = end - begin
        found.append(RetryWait(seconds, f"{(begin + end) / 2:.2f}%", share >= _LABEL, share >= _LABEL_ON_PHONES))
    return [*found, None]


def _attempt_bar(
    attempt: Attempt, number: int, start: datetime, to_percent: ToPercent, wait: RetryWait | None
) -> AttemptBar:
    begin = to_percent(attempt.at)
    width = max(to_percent(ended_at(attempt)) - begin, _MIN_WIDTH)
    return AttemptBar(
        attempt=attempt,
        number=attempt.number or number,
        offset=(attempt.at - start).total_seconds(),
        x=f"{begin:.2f}%",
        width=f"{width:.2f}%",
        middle=f"{begin + width / 2:.2f}%",
        wait=wait,
    )
