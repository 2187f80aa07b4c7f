"""Scores by weighted signs whether a rise of the balance is a top-up or returned reservations.

The weights are natural logarithms of how much likelier a sign is with a top-up than with returned credits. They were
set by hand; a table of cases in the tests checks them (``tests/usage/changes/test_interpretation.py``).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from usage.changes.paid_calls import SINGLE_CONTACT_COST
from usage.changes.reservations import EXPIRES_AFTER, USUAL_DURATION, OpenReservation
from usage.changes.types import ZERO
from usage.rounding import round_estimate

# Most rises are returned credits.
PRIOR = -1.0
# From COUNTED on a rise is a top-up, from LIKELY on hardly anything else; below UNLIKELY it is hardly one.
COUNTED, LIKELY, UNLIKELY = 1.0, 3.0, -2.5
# From this weight on, a round number is a coincidence in one of seven cases.
EXACT = 2.0
SMALL = Decimal("0.05")
# People are not asked about less than this share of the balance, or than the cost of a single contact.
NEGLIGIBLE = Decimal("0.01")
SOON = timedelta(minutes=10)
# A reservation rarely ends later than this.
LATE = timedelta(hours=2)
# Known earlier rises are weighed against this many unknown ones, and count for at most this much.
UNKNOWN_RISES, MOST_HABIT = 2.0, 2.5
# The most that one bulk call reserves: 250 contacts at 11 credits each.
ONE_CALL = Decimal(2750)
ROUND = (
    *(Decimal(size * 10**zeros) for zeros in range(12, 2, -1) for size in (5, 1)),
    *map(Decimal, (500, 250, 100, 50)),
)

REASONS = {
    "nothing_open": "No running enrichment could have returned so much.",
    "more_than_open": "It is more than all running enrichments can have returned.",
    "known": "What enrichments reserved and cost in this time is known.",
    "round": "It is a round number of credits.",
    "same": "Earlier top-ups had the same size.",
    "alike": "Other rises had the same size.",
    "refused": "Requests had been refused for lack of credits before.",
    "low": "The balance was low.",
    "habit": "Rises of at least half that size have been top-ups here before.",
    "many": "Many enrichments would have had to finish at once.",
    "nearly_all": "Nearly all credits that were reserved would have had to be returned.",
    "ended": "An enrichment finished at that time.",
    "unended": "No enrichment is known to have finished at that time.",
    "single": "One reservation shortly before was large enough to explain it.",
    "equal": "It is exactly what was reserved before.",
    "unexplained": "The request log shows no call that can have reserved so much.",
    "long_ago": "The reservation that it could be from was made long ago.",
    "begins": "Enrichments that began before the first reading are not known.",
    "hidden": "The balance fell by less than enrichments must have reserved.",
    "slow": "The balance fell by less than it usually does.",
    "gap": "The balance was not read for a while, so what was spent meanwhile is not known.",
    "small": "It is a small part of the balance, so it may be a refund as well.",
    "person": "Someone here said so.",
}


@dataclass(frozen=True)
class UnexplainedRise:
    """A rise that known enrichments do not explain, with all inputs of the score."""

    amount: Decimal
    at: datetime
    since: datetime
    before: Decimal
    peak: Decimal
    fresh: Sequence[OpenReservation]
    stale: Sequence[OpenReservation]
    expected: float
    narrow: float
    sizes: Sequence[Decimal] = ()
    alike: int = 0
    refused: bool = False
    ended: bool = False
    added_before: int = 0
    returned_before: int = 0
    unended: bool = False

    @property
    def open(self) -> Decimal:
        """Return the most that can have come back: of old reservations, only one."""
        return self.recent + max((row.remaining for row in self.stale), default=ZERO)

    @property
    def largest(self) -> Decimal:
        """Return the most that a single reservation can have returned."""
        return max((row.remaining for row in (*self.fresh, *self.stale)), default=ZERO)

    @property
    def is_small(self) -> bool:
        """Return whether it is too small a share of the balance for a usual top-up, and may be a refund."""
        return self.amount < SMALL * abs(self.before)

    @property
    def is_trifle(self) -> bool:
        """Return whether it is too small to ask people about."""
        return self.amount < max(NEGLIGIBLE * abs(self.before), SINGLE_CONTACT_COST)

    @property
    def recent(self) -> Decimal:
        """Return how much of the last hour's reservations can have come back."""
        return sum((row.remaining for row in self.fresh), ZERO)

    @property
    def forced(self) -> Decimal:
        """Return how much of it cannot have come back."""
        return max(ZERO, self.amount - self.open)

    @property
    def is_observed(self) -> bool:
        """Return whether falls seen in the last hour account for all of it; assumed ones do not count."""
        return sum((row.remaining for row in self.fresh if row.ttl >= EXPIRES_AFTER), ZERO) >= self.amount

    @property
    def needed(self) -> list[OpenReservation]:
        """Return the fewest reservations that account for it; empty if the fresh ones do not."""
        found, left = [], self.amount
        for row in self.fresh:
            if left <= 0:
                break
            found.append(row)
            left -= row.remaining
        return found if left <= 0 else []

    @property
    def edges(self) -> tuple[Decimal, Decimal]:
        """Return the limits of a top-up, allowing for the usual spending and returns meanwhile."""
        spread = Decimal(repr(max(self.narrow, self.expected)))
        back = min(self.recent, spread)
        return max(ZERO, self.amount - back), self.amount + spread


@dataclass
class TopUpScore:
    """The sum of all signs, and the signs for and against the conclusion."""

    score: float = PRIOR
    pro: list[str] = field(default_factory=list)
    contra: list[str] = field(default_factory=list)

    def add(self, word: str, weight: float) -> None:
        self.score += weight
        (self.pro if weight > 0 else self.contra).append(word)

    @property
    def why(self) -> tuple[str, ...]:
        """Return the signs for the conclusion, then those against it."""
        both = (self.pro, self.contra) if self.score >= COUNTED else (self.contra, self.pro)
        return (*both[0], *both[1])


def score_rise(rise: UnexplainedRise) -> TopUpScore:
    verdict = TopUpScore()
    for word, weight in (*_reservation_signs(rise), *_amount_signs(rise), *_context_signs(rise)):
        if weight:
            verdict.add(word, weight)
    return verdict


def _reservation_signs(rise: UnexplainedRise) -> Iterator[tuple[str, float]]:
    needed = rise.needed
    if not needed:
        late = [row for row in rise.stale if row.remaining >= rise.amount]
        yield "long_ago", 3.0 if not late else -0.5 if any(rise.since - row.at <= LATE for row in late) else 1.0
        return
    if any(row.remaining == row.total == rise.amount for row in rise.fresh):
        yield "equal", -4.0
    elif len(needed) == 1:
        # If several account for it, the likeliest is the one that speaks most against a top-up.
        yield min(
            (_single_reservation_sign(rise, row) for row in rise.fresh if row.remaining >= rise.amount),
            key=lambda sign: sign[1],
        )
    else:
        yield "many", 1.5 if len(needed) > 10 else 0.5 if len(needed) > 3 else -1.0
    if rise.amount >= Decimal("0.95") * rise.recent:
        yield "nearly_all", 1.0


def _single_reservation_sign(rise: UnexplainedRise, row: OpenReservation) -> tuple[str, float]:
    if row.ttl < EXPIRES_AFTER:
        return "begins", -2.0
    if row.explained < rise.amount:
        return "unexplained", 1.0
    if row.total > 2 * ONE_CALL:
        return "single", -1.5
    return "single", -3.0 if rise.since - row.at <= SOON else -2.0


def _amount_signs(rise: UnexplainedRise) -> Iterator[tuple[str, float]]:
    low, high = rise.edges
    if same := sum(low <= size <= high for size in rise.sizes):
        yield "same", min(4.5, 2.5 + same / 2)
    elif rise.alike and len(rise.needed) != 1:
        yield "alike", min(3.0, 1.0 + rise.alike / 2)
    yield "round", max(0.0, roundness_weight(low, high))


def roundness_weight(low: Decimal, high: Decimal) -> float:
    """Return the weight of a round number between the two; costs of phone numbers are multiples of ten anyway."""
    within = [size for size in ROUND if high >= size and high // size * size >= low]
    return max((math.log(float(size) / (float(high - low) + 10)) for size in within), default=0.0)


def _context_signs(rise: UnexplainedRise) -> Iterator[tuple[str, float]]:
    if rise.refused:
        yield "refused", 3.0
    if rise.ended:
        yield "ended", -1.5
    if rise.unended:
        yield "unended", 2.0
    if rise.before <= rise.peak / 5:
        yield "low", 1.5 if rise.before <= rise.peak / 20 else 1.0 if rise.before <= rise.peak / 10 else 0.5
        yield "habit", habit_weight(rise.added_before, rise.returned_before)


def habit_weight(added: int, returned: int) -> float:
    """Return the weight of earlier rises of this scale that were top-ups or returns; never negative.

    It is the logarithm of the odds that a rise is a top-up, from those and a few assumed rises, above ``PRIOR``.
    """
    chance = 1 / (1 + math.exp(-PRIOR))
    odds = (added + UNKNOWN_RISES * chance) / (returned + UNKNOWN_RISES * (1 - chance))
    return min(MOST_HABIT, max(0.0, math.log(odds) - PRIOR))


def has_exact_size(rise: UnexplainedRise) -> bool:
    """Return whether it is so exactly a round number or an earlier top-up's size that little else happened."""
    low, high = rise.edges
    return roundness_weight(low, high) >= EXACT or any(low <= size <= high for size in rise.sizes)


def likely_size(rise: UnexplainedRise) -> Decimal:
    """Return the likeliest size of a top-up: a round number, an earlier one's, or the rise plus the usual burn."""
    low, high = rise.edges
    likely = rise.amount + Decimal(repr(rise.expected))
    for size in ROUND:
        nearest = (likely / size).to_integral_value() * size
        if high - low <= size / 3 and low <= nearest <= high and size >= likely / 20:
            return nearest
    known = [size for size in rise.sizes if low <= size <= high]
    if known:
        return min(known, key=lambda size: abs(size - likely))
    return round_estimate(likely.quantize(Decimal("0.0001")), high - low)


def is_fresh(row: OpenReservation, since: datetime) -> bool:
    """Return whether a reservation may well end now."""
    return since - row.at <= USUAL_DURATION
