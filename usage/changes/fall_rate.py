"""How fast a balance usually falls, judging by earlier falls; and top-ups that hide in a fall slower than that.

Those were smaller than the simultaneous spending, so that there was no rise.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from usage.changes.types import ZERO, Change
from usage.rounding import round_estimate

# In a gap longer than this, the burn of the last weeks is the better guide.
LONG_SECONDS = 1800.0
FEWEST, ENOUGH = 6, 4
# Falls that happen in less than this share of the time are rare.
SELDOM = 0.05
# What two of the largest bulk calls reserve.
SEVERAL_CALLS = 5500.0
# Without a fall for this long, the balance is at rest.
QUIET = timedelta(minutes=15)
# A rate is derived from the changes of the day before: at most AROUND of them, or at least MANY if readings are rare.
# Later changes do not count, so that an interpretation does not depend on what the balance does next.
AROUND, MANY, RECENT = 90, 60, timedelta(days=1)
# Amounts below this share of the balance are ignored.
LEAST_SHARE = Decimal("0.05")
CENT = Decimal("0.0001")


@dataclass(frozen=True)
class FallRate:
    """``rate`` is the usual fall in credits per second; ``quick`` and ``slow`` enclose most falls.

    ``share`` is how much of the ``watched`` seconds the balance was falling. ``largest`` is the largest single fall,
    except for ``beyond``, one that far exceeds all others. ``spacing`` is the usual interval between readings. A rate
    that ``is_at_rest`` has not fallen for a while, so that only the size of its falls is known.
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
    spacing: float = 0.0
    is_at_rest: bool = False

    def expected(self, seconds: float) -> float:
        """Return the usual spending in ``seconds``."""
        if self._is_usual(seconds):
            return self.usual * seconds
        return self.rate * seconds if self.is_steady else 0.0

    def narrow(self, seconds: float) -> float:
        """Return the spending that is rarely exceeded in ``seconds``."""
        if self._is_usual(seconds):
            return 2 * self.usual * seconds
        if self.is_steady:
            return 2 * self.quick * seconds
        return self.largest if self._is_common(seconds) else 0.0

    def wide(self, seconds: float) -> float:
        """Return the highest spending ever seen in ``seconds``; a single outlier counts only if it is not rare."""
        beyond = self.beyond if seconds > SELDOM * self.watched else 0.0
        largest = 0.0 if self.is_at_rest and not self._is_common(seconds) else self.largest
        return max(self.narrow(seconds), largest, beyond, 3 * self.usual * seconds if self._is_usual(seconds) else 0.0)

    def deviation(self, seconds: float) -> float:
        """Return the usual deviation of the fall in ``seconds`` from the expected one."""
        if self._is_usual(seconds):
            return self.usual * seconds / 2
        return max((self.quick - self.slow) / 2, self.rate / 50) * seconds

    def _is_usual(self, seconds: float) -> bool:
        """Return whether the burn of the last weeks is known, and a better guide."""
        return self.is_long(seconds) and self.usual > 0

    def is_long(self, seconds: float) -> bool:
        """Return whether ``seconds`` is too long for the rate between single readings to mean anything."""
        return seconds > max(LONG_SECONDS, 2 * self.spacing)

    def _is_common(self, seconds: float) -> bool:
        """Return whether falls within ``seconds`` are common rather than rare."""
        return self.falls >= ENOUGH and self.falls * seconds > SELDOM * self.watched

    @property
    def is_steady(self) -> bool:
        """Return whether the balance falls most of the time, so that the next fall can be predicted."""
        return self.share >= 0.5 and self.falls >= 2

    @property
    def is_regular(self) -> bool:
        """Return whether all falls are similar."""
        return self.falls >= FEWEST and self.share >= 0.7 and self.quick - self.slow <= 0.6 * self.rate


@dataclass(frozen=True)
class _Interval:
    """A change that counts for the rate: when it began and ended, and how much the balance fell."""

    since: datetime
    until: datetime
    fallen: float
    rate: float


class FallRates:
    """The fall rate at each of a series of changes, from the changes before it."""

    def __init__(self, changes: Sequence[Change], usual: float) -> None:
        """``usual`` is the burn of the last weeks in credits per second; the caller may update it during the pass."""
        self.usual = usual
        self._changes = changes
        self._ends = [change.until for change in changes]
        self._intervals = [_interval(change) for change in changes]

    def before(self, at: int) -> FallRate:
        """Return the rate before the change at this index; for a balance at rest, only the size of its falls."""
        change = self._changes[at]
        recent = bisect_left(self._ends, change.until - RECENT, hi=at)
        seen = [interval for interval in self._intervals[max(at - AROUND, min(recent, at - MANY), 0) : at] if interval]
        every = [interval for interval in seen if interval.fallen > 0]
        if not every:
            return FallRate(usual=self.usual)
        falls = _without_outliers(every)
        spacing = sorted((interval.until - interval.since).total_seconds() for interval in seen)[len(seen) // 2]
        pace = FallRate(
            largest=max((interval.fallen for interval in falls), default=0.0),
            falls=len(falls),
            usual=self.usual,
            watched=(max(change.since, seen[-1].until) - seen[0].since).total_seconds(),
            spacing=spacing,
            is_at_rest=change.since - every[-1].until > max(QUIET, timedelta(seconds=2 * spacing)),
        )
        if pace.is_at_rest:
            return pace
        pace = replace(pace, beyond=SEVERAL_CALLS if len(falls) < len(every) else 0.0)
        return _with_rates(pace, falls) if falls else pace


def _with_rates(pace: FallRate, falls: Sequence["_Interval"]) -> FallRate:
    rates = sorted(interval.rate for interval in falls)
    return replace(
        pace,
        rate=rates[len(rates) // 2],
        slow=rates[len(rates) // 10],
        # With few falls, the quickest does not show what is usual.
        quick=rates[-1 - max(len(rates) // 10, int(len(rates) >= ENOUGH))],
        share=sum(interval.fallen / interval.rate for interval in falls) / pace.watched,
    )


def _without_outliers(falls: Sequence["_Interval"]) -> list["_Interval"]:
    """Drop the largest tenth of the falls if they exceed all others and the largest calls."""
    few = max(1, len(falls) // 10)
    most = max([*sorted((interval.fallen for interval in falls), reverse=True), *[0.0] * (few + 1)][few], SEVERAL_CALLS)
    return [interval for interval in falls if interval.fallen <= most]


def _interval(change: Change) -> _Interval | None:
    """Return the interval of ``change``; None for gaps and for changes marked by a person."""
    seconds = change.seconds
    if change.is_gap or change.mark or seconds <= 0:
        return None
    fallen = float(-change.delta)
    return _Interval(change.since, change.until, fallen, fallen / seconds)


@dataclass(frozen=True)
class ObservedFall:
    """A fall, or no change, and the usual spending in that time with its ``deviation``."""

    fallen: Decimal
    before: Decimal
    after: Decimal
    expected: float
    deviation: float
    sizes: Sequence[Decimal] = ()
    is_long: bool = False


@dataclass(frozen=True)
class HiddenTopUp:
    """A hidden top-up: the likely amount, and the limits."""

    likely: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO


NOTHING = HiddenTopUp()


def find_hidden_top_up(fall: ObservedFall) -> HiddenTopUp:
    """Return what may be hidden in ``fall``; nothing if it is as large as usual, or nearly so."""
    missing = Decimal(repr(fall.expected)) - fall.fallen
    spread = Decimal(repr(fall.deviation))
    least = LEAST_SHARE * max(abs(fall.before), abs(fall.after), Decimal(1))
    most = missing + 2 * spread
    if fall.expected <= 0 or most < least:
        return NOTHING
    if missing > 3 * spread or (fall.is_long and missing > spread):
        return _estimate(fall, missing, spread, most, least)
    return HiddenTopUp(ZERO, ZERO, most.quantize(CENT)) if fall.is_long else NOTHING


def _estimate(fall: ObservedFall, missing: Decimal, spread: Decimal, most: Decimal, least: Decimal) -> HiddenTopUp:
    """Return a top-up if an earlier size fits, or if more was spent than there was; otherwise only the uncertainty."""
    fitting = [size for size in fall.sizes if abs(size - missing) <= 3 * spread and size >= least]
    # A balance does not fall below zero: spending beyond that had been added before.
    beyond = Decimal(repr(fall.expected)) - 2 * spread - max(ZERO, fall.before)
    if fitting:
        likely = min(fitting, key=lambda size: abs(size - missing))
    elif beyond > 0:
        likely = round_estimate(missing.quantize(CENT), 2 * spread)
    else:
        likely = ZERO
    high = max(most, likely).quantize(CENT)
    return HiddenTopUp(likely, max(ZERO, beyond).quantize(CENT) if likely else ZERO, high)
