"""A delivery's attempts on an axis of time: where each begins, how long it took, and the waits in between."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from webhooks.ingest.delivery_status import ended_at
from webhooks.models import Attempt, Delivery
from webhooks.reasons import ANSWER_MS

# From a moment to its place on the axis, in per cent.
Placing = Callable[[datetime], float]
# Per cent of the drawing's width: its margins, the least that can be seen, and what a label needs.
_MARGIN, _LEAST, _LABEL, _LABEL_ON_PHONES = 2.0, 0.4, 2.6, 8.0
_OUTCOMES = {"ok": "accepted", "danger": "failed", "info": "still running"}


@dataclass(frozen=True)
class Wait:
    """The time from the end of one attempt to the next; ``x`` is its middle."""

    seconds: float
    x: str
    has_label: bool
    has_label_on_phones: bool

    @property
    def words(self) -> str:
        """Return how long it was: "2 s"."""
        return in_words(self.seconds)


@dataclass(frozen=True)
class Mark:
    """One attempt: its bar on the axis in per cent, and the wait after it, if another followed."""

    attempt: Attempt
    number: int
    offset: float
    x: str
    width: str
    middle: str
    wait: Wait | None

    @property
    def level(self) -> str:
        """Return how the bar is coloured."""
        if self.attempt.acknowledged:
            return "ok"
        return "danger" if self.attempt.reason else "info"

    @property
    def begins(self) -> str:
        """Return how long after the first it began."""
        return f"+{in_words(self.offset)}"

    @property
    def limit_share(self) -> float | None:
        """Return how much of the time to answer it took, in per cent."""
        took = self.attempt.duration_ms
        return None if took is None else min(100.0, 100 * took / ANSWER_MS)

    @property
    def limit_level(self) -> str:
        """Return how that is coloured."""
        share = self.limit_share or 0
        return "danger" if share >= 99 else "warning" if share >= 70 else ""


@dataclass(frozen=True)
class Run:
    """The attempts of one delivery from the first to the last; ``next_x`` is where the next one is due."""

    number: int
    marks: Sequence[Mark]
    seconds: float
    next_x: str = ""

    @property
    def length(self) -> str:
        """Return how long it took from the first attempt to the end of the last."""
        return in_words(self.seconds)

    @property
    def words(self) -> str:
        """Return the drawing in words."""
        told = "; ".join(f"{mark.begins} {_OUTCOMES[mark.level]}" for mark in self.marks)
        return f"{len(self.marks)} attempts: {told}"


def in_words(seconds: float) -> str:
    """Say a short span: "0.4 s", "8 s", "2 min 5 s"."""
    if seconds < 10:
        return f"{round(seconds, 1):g} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def runs_of(delivery: Delivery, attempts: Iterable[Attempt]) -> list[Run]:
    """Return the runs of ``delivery``, the latest first, each on an axis of its own. ``attempts`` are its own."""
    ordered = sorted(attempts, key=lambda attempt: (attempt.run, attempt.at, attempt.number, attempt.pk))
    runs = [list(found) for _, found in groupby(ordered, key=lambda attempt: attempt.run)]
    drawn = [_draw(found, delivery.next_attempt_at if found is runs[-1] else None) for found in runs]
    return drawn[::-1]


def _draw(attempts: Sequence[Attempt], following: datetime | None) -> Run:
    start, last = attempts[0].at, max(map(ended_at, attempts))
    end = max(last, following) if following else last
    length = max((end - start).total_seconds(), 0.001)

    def place(moment: datetime) -> float:
        return _MARGIN + (100 - 2 * _MARGIN) * (moment - start).total_seconds() / length

    marks = [
        _mark(attempt, number, start, place, wait)
        for number, (attempt, wait) in enumerate(zip(attempts, _waits(attempts, place), strict=True), 1)
    ]
    next_x = f"{place(following):.2f}%" if following else ""
    return Run(attempts[0].run, marks, (last - start).total_seconds(), next_x)


def _waits(attempts: Sequence[Attempt], place: Placing) -> list[Wait | None]:
    """Return the wait after each attempt; None after the last."""
    found: list[Wait | None] = []
    for before, after in pairwise(attempts):
        begin, end = place(ended_at(before)), place(after.at)
        seconds = max(0.0, (after.at - ended_at(before)).total_seconds())
        share = end - begin
        found.append(Wait(seconds, f"{(begin + end) / 2:.2f}%", share >= _LABEL, share >= _LABEL_ON_PHONES))
    return [*found, None]


def _mark(attempt: Attempt, number: int, start: datetime, place: Placing, wait: Wait | None) -> Mark:
    begin = place(attempt.at)
    width = max(place(ended_at(attempt)) - begin, _LEAST)
    return Mark(
        attempt=attempt,
        number=attempt.number or number,
        offset=(attempt.at - start).total_seconds(),
        x=f"{begin:.2f}%",
        width=f"{width:.2f}%",
        middle=f"{begin + width / 2:.2f}%",
        wait=wait,
    )
