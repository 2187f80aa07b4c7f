"""The words in which changes of the balance are read: what is known of them, and what they were. Plain data.

All amounts are credits. ``topped_up``, ``low`` and ``high`` are never negative; a correction may be.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
# Upstream's clock and ours may differ by so much, and new balances show up so late.
SKEW = timedelta(seconds=10)


class Certainty(StrEnum):
    """How sure it is whether a change holds a top-up."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


class Mark(StrEnum):
    """What a person says that a change was; ``NONE`` says that nothing was added, credits only came back."""

    TOP_UP = "top_up"
    REFUND = "refund"
    CORRECTION = "correction"
    NONE = "none"


@dataclass(frozen=True)
class Interpretation:
    """What a change was. What was spent in it is ``before - after + topped_up + corrected``.

    The top-up in it lies between ``low`` and ``high``; ``returned`` is what came back of reservations; ``why`` are
    words of ``signs``.
    """

    topped_up: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO
    corrected: Decimal = ZERO
    returned: Decimal = ZERO
    certainty: Certainty = Certainty.CERTAIN
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """Two readings in a row that differ; ``is_gap`` where readings failed or paused in between.

    ``marked`` is how many credits a person says that it was, None where they leave that to the readings. ``known`` is
    what it was found to be before, where that is not asked again.
    """

    since: datetime
    until: datetime
    before: Decimal
    after: Decimal
    is_gap: bool = False
    mark: str = ""
    marked: Decimal | None = None
    known: Interpretation | None = None

    @property
    def delta(self) -> Decimal:
        """Return the rise; negative for a fall."""
        return self.after - self.before

    @property
    def seconds(self) -> float:
        """Return how long nobody looked."""
        return max(0.0, (self.until - self.since).total_seconds())


@dataclass(frozen=True)
class PaidCall:
    """A paid call of the request log, and the most that it can have taken at once.

    ``cost`` is what such calls cost in the end, with its deviation; None where that is not known. ``key`` made it.
    """

    at: datetime
    most: Decimal
    cost: tuple[float, float] | None = None
    key: Hashable = None


@dataclass(frozen=True)
class EnrichmentCredits:
    """An enrichment that the console knows; what is not known of it is None. It reserved ``most`` at the most."""

    begun_at: datetime | None
    ended_at: datetime | None
    reserved: Decimal | None
    charged: Decimal | None
    most: Decimal


@dataclass(frozen=True)
class Evidence:
    """All that is known of a stretch of changes, oldest first.

    ``log`` is the time for which the request log is read, None without one. ``carried`` are falls before the stretch
    that may still come back, ``sizes`` are earlier top-ups with their moments, ``returned`` the largest rises of before
    in which credits came back, without doubt, ``usual`` is the burn of the last
    weeks in credits a second, ``peak`` the highest balance before. ``begins`` is when the whole history began, where
    the first change is its first.
    """

    changes: Sequence[Change]
    calls: Sequence[PaidCall] = ()
    works: Sequence[EnrichmentCredits] = ()
    refusals: Sequence[datetime] = ()
    log: tuple[datetime, datetime] | None = None
    carried: Sequence[tuple[datetime, Decimal]] = ()
    sizes: Sequence[tuple[datetime, Decimal]] = ()
    returned: Sequence[Decimal] = ()
    usual: float = 0.0
    peak: Decimal = ZERO
    begins: datetime | None = None
