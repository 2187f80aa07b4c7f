"""Plain data types for the interpretation of balance changes: evidence in, interpretations out.

All amounts are credits. ``topped_up``, ``low`` and ``high`` are never negative; a correction may be.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
# Upstream's clock and ours may differ by this much, and new balances appear with this delay.
SKEW = timedelta(seconds=10)


class Certainty(StrEnum):
    """How certain it is whether a change contains a top-up."""

    CERTAIN = "certain"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


class Mark(StrEnum):
    """A person's mark on a change; ``NONE``: nothing was added, credits only came back."""

    TOP_UP = "top_up"
    REFUND = "refund"
    CORRECTION = "correction"
    NONE = "none"


@dataclass(frozen=True)
class Interpretation:
    """The interpretation of a change. Its spending is ``before - after + topped_up + corrected``.

    The top-up is between ``low`` and ``high``; ``returned`` came back from reservations; ``why`` holds keys of
    ``top_up_score.REASONS``.
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
    """Two consecutive readings that differ; ``is_gap`` if readings failed or paused in between.

    ``marked`` is the amount that a person entered, or None to derive it from the readings. ``known`` is the stored
    interpretation of a change that is not to be reinterpreted.
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

    ``cost`` is the final cost of such calls with its deviation, or None if unknown. ``key`` made the call.
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
    """All evidence about a range of changes, oldest first.

    ``log`` is the time for which the request log is known, or None. ``carried`` are earlier falls that may still come
    back, ``sizes`` earlier top-ups with their times, ``returned`` the largest certain returns before, ``usual`` the
    burn of the last weeks in credits per second, and ``peak`` the highest balance before. ``begins`` is the beginning
    of the whole history, if the first change is its first.
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
