"""Plain data types for the interpretation of balance changes: evidence in, interpretations out.

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
    """How certain it is whether a change contains a top-up."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


class Mark(StrEnum):
    """What a person marked a change as; ``NONE``: nothing was added, credits only came back."""

    TOP_UP = "top_up"
    REFUND = "refund"
    CORRECTION = "correction"
    NONE = "none"


@dataclass(frozen=True)
class Interpretation:
    """What a change was. What was spent in it is ``before - after + topped_up + corrected``.

    The top-up in it lies between ``low`` and ``high``; ``returned`` is what came back of reservations; ``why`` are
    keys of ``top_up_score.REASONS``.
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

    ``marked`` is the amount that a person entered, None to derive it from the readings. ``known`` is the stored
    interpretation of a change that is not to be interpreted again.
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
        """Return the time between the two readings."""
        return max(0.0, (self.until - self.since).total_seconds())


@dataclass(frozen=True)
class PaidCall:
    """A paid call of the request log, and the most that it can have reserved.

    ``cost`` is what such calls cost in the end, with its deviation; None where that is not known. ``key`` made it.
    """

    at: datetime
    most: Decimal
    cost: tuple[float, float] | None = None
    key: Hashable = None


@dataclass(frozen=True)
class EnrichmentCredits:
    """The credits of an enrichment; None is unknown. ``most`` is the most that it can have reserved."""

    begun_at: datetime | None
    ended_at: datetime | None
    reserved: Decimal | None
    charged: Decimal | None
    most: Decimal


@dataclass(frozen=True)
class Evidence:
    """All that is known about a range of changes, oldest first.

    ``log`` is the time for which the request log is read, None without one. ``carried`` are falls before the range
    that may still come back, ``sizes`` are earlier top-ups with their times, ``returned`` the largest rises of before
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
