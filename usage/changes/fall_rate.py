"""How fast a balance usually falls, from the falls before a change."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from usage.changes.types import Change

# A gap of more than this says nothing of what happened when; there the burn of the last weeks is the better guide.
LONG_SECONDS = 1800.0
FEWEST, ENOUGH = 6, 4
# What happens in less of the time than this part is seldom.
SELDOM = 0.05
# What two of the largest bulk calls reserve.
SEVERAL_CALLS = 5500.0
# Without a fall for so long the balance is at rest.
QUIET = timedelta(minutes=15)
# The changes of the day before one tell its pace, at most the first many, and at least the second where readings are
# rare. What comes after tells nothing: what was said of a change stays, whatever the balance does then.
AROUND, MANY, RECENT = 90, 60, timedelta(days=1)


@dataclass(frozen=True)
class FallRate:
    """``rate`` is the usual fall in credits a second, ``quick`` and ``slow`` enclose most falls.

    ``share`` is how much of the ``watched`` seconds the balance was falling; ``largest`` is the largest single fall,
    but for ``beyond``, one that exceeds all others by far; ``stretch`` is how far readings usually lie apart. One that
    ``is_at_rest`` has not fallen for a while, so that nothing but the size of its falls is known.
    """

    rate: float = 0.0
    slow: float = 0.0
    quick: float = 0.0
    share: float = 0.0
    largest: float = 0.0
    falls: int = 0
    usual: float = 0.0
    watched: float = 0.0
    beyond: float = 0.0
    stretch: float = 0.0
    is_at_rest: bool = False

    def expected(self, seconds: float) -> float:
        """Return what is usually spent in so long."""
        if self._is_usual(seconds):
            return self.usual * seconds
        return self.rate * seconds if self.is_steady else 0.0

    def narrow(self, seconds: float) -> float:
        """Return what is seldom exceeded in so long."""
        if self._is_usual(seconds):
            return 2 * self.usual * seconds
        if self.is_steady:
            return 2 * self.quick * seconds
        return self.largest if self._is_common(seconds) else 0.0

    def wide(self, seconds: float) -> float:
        """Return the most that was ever spent in so long; what was once only counts where that is not seldom."""
        beyond = self.beyond if seconds > SELDOM * self.watched else 0.0
        largest = 0.0 if self.is_at_rest and not self._is_common(seconds) else self.largest
        return max(self.narrow(seconds), largest, beyond, 3 * self.usual * seconds if self._is_usual(seconds) else 0.0)

    def deviation(self, seconds: float) -> float:
        """Return by how much the fall in so long usually differs from what is expected."""
        if self._is_usual(seconds):
            return self.usual * seconds / 2
        return max((self.quick - self.slow) / 2, self.rate / 50) * seconds

    def _is_usual(self, seconds: float) -> bool:
        """Say whether the burn of the last weeks is the better guide, and known."""
        return self.is_long(seconds) and self.usual > 0

    def is_long(self, seconds: float) -> bool:
        """Say whether it is so long that what happens from one reading to the next says nothing of it."""
        return seconds > max(LONG_SECONDS, 2 * self.stretch)

    def _is_common(self, seconds: float) -> bool:
        """Say whether the balance falls within so long in more than a few of all cases, as far as that can be told."""
        return self.falls >= ENOUGH and self.falls * seconds > SELDOM * self.watched

    @property
    def is_steady(self) -> bool:
        """Say whether the balance falls most of the time, so that the next fall can be foreseen."""
        return self.share >= 0.5 and self.falls >= 2

    @property
    def is_regular(self) -> bool:
        """Say whether all falls are much alike."""
        return self.falls >= FEWEST and self.share >= 0.7 and self.quick - self.slow <= 0.6 * self.rate


@dataclass(frozen=True)
class _Interval:
    """One change that tells the pace: when it began and ended, and how much the balance fell."""

    since: datetime
    until: datetime
    fallen: float
    rate: float


class FallRates:
    """The paces of a stretch of changes, each from those before one."""

    def __init__(self, changes: Sequence[Change], usual: float) -> None:
        """``usual`` is the burn of the last weeks in credits a second; it may be learned on the way."""
        self.usual = usual
        self._changes = changes
        self._ends = [change.until for change in changes]
        self._beats = [_interval(change) for change in changes]

    def before(self, at: int) -> FallRate:
        """Return the pace before the change at this place; of a balance at rest only how large its falls were."""
        change = self._changes[at]
        recent = bisect_left(self._ends, change.until - RECENT, hi=at)
        seen = [beat for beat in self._beats[max(at - AROUND, min(recent, at - MANY), 0) : at] if beat]
        every = [beat for beat in seen if beat.fallen > 0]
        if not every:
            return FallRate(usual=self.usual)
        falls = _without_outliers(every)
        stretch = sorted((beat.until - beat.since).total_seconds() for beat in seen)[len(seen) // 2]
        pace = FallRate(
            largest=max((beat.fallen for beat in falls), default=0.0),
            falls=len(falls),
            usual=self.usual,
            watched=(max(change.since, seen[-1].until) - seen[0].since).total_seconds(),
            stretch=stretch,
            is_at_rest=change.since - every[-1].until > max(QUIET, timedelta(seconds=2 * stretch)),
        )
        if pace.is_at_rest:
            return pace
        pace = replace(pace, beyond=SEVERAL_CALLS if len(falls) < len(every) else 0.0)
        return _with_rates(pace, falls) if falls else pace


def _with_rates(pace: FallRate, falls: Sequence["_Interval"]) -> FallRate:
    rates = sorted(beat.rate for beat in falls)
    return replace(
        pace,
        rate=rates[len(rates) // 2],
        slow=rates[len(rates) // 10],
        # Of a few falls the quickest says nothing of what is usual.
        quick=rates[-1 - max(len(rates) // 10, int(len(rates) >= ENOUGH))],
        share=sum(beat.fallen / beat.rate for beat in falls) / pace.watched,
    )


def _without_outliers(falls: Sequence["_Interval"]) -> list["_Interval"]:
    """Leave out the largest falls, one in ten, where they are beyond all others and all calls: they are not usual."""
    few = max(1, len(falls) // 10)
    most = max([*sorted((beat.fallen for beat in falls), reverse=True), *[0.0] * (few + 1)][few], SEVERAL_CALLS)
    return [beat for beat in falls if beat.fallen <= most]


def _interval(change: Change) -> _Interval | None:
    """Return what ``change`` tells of the pace; nothing where nobody looked or a person knows better."""
    seconds = change.seconds
    if change.is_gap or change.mark or seconds <= 0:
        return None
    fallen = float(-change.delta)
    return _Interval(change.since, change.until, fallen, fallen / seconds)
