"""Paid calls of the log without an enrichment of known cost: what they may have reserved, and usually cost."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from decimal import Decimal

from usage.changes.types import SKEW, ZERO, EnrichmentCredits, PaidCall

# The most that a call for a single contact costs: with unknown cost it counts as half of that, plus or minus half.
SINGLE_CONTACT_COST = Decimal(11)
# A key with this many enrichments, all of them free, is assumed to make free calls.
ENOUGH = 5


class UnmatchedCalls:
    """The ``calls`` that remain after each enrichment of known cost is matched to the call that started it."""

    def __init__(self, calls: Sequence[PaidCall], works: Sequence[EnrichmentCredits]) -> None:
        self._left = _unmatched(calls, works)
        self._times = [call.at for call in self._left]

    def most(self, since: datetime, until: datetime) -> Decimal:
        """Return the most that calls between the two can have taken, allowing for small clock differences."""
        return sum((call.most for call in self._between(since - SKEW, until + SKEW)), ZERO)

    def price(self, since: datetime, until: datetime) -> tuple[float, float] | None:
        """Return the final cost of the calls between the two, with its deviation; None if unknown."""
        costs = [_cost(call) for call in self._between(since, until)]
        known = [cost for cost in costs if cost is not None]
        if not known or len(known) < len(costs):
            return None
        total = sum(mean for mean, _ in known)
        return total, max(max(spread for _, spread in known) * math.sqrt(len(known)), total / 10)

    def _between(self, since: datetime, until: datetime) -> Sequence[PaidCall]:
        return self._left[bisect_left(self._times, since) : bisect_right(self._times, until)]


def _cost(call: PaidCall) -> tuple[float, float] | None:
    if call.cost is None and call.most <= SINGLE_CONTACT_COST:
        return float(call.most) / 2, float(call.most) / 2
    return call.cost


def _unmatched(calls: Sequence[PaidCall], works: Sequence[EnrichmentCredits]) -> list[PaidCall]:
    times, taken = [call.at for call in calls], set[int]()
    reserved: defaultdict[Hashable, list[Decimal]] = defaultdict(list)
    for work in works:
        if work.begun_at is None or work.ended_at is None or work.reserved is None or work.charged is None:
            continue
        near = range(bisect_left(times, work.begun_at - SKEW), bisect_right(times, work.begun_at + SKEW))
        free = [place for place in near if place not in taken]
        if free:
            _, place = min((abs(times[one] - work.begun_at), one) for one in free)
            taken.add(place)
            reserved[calls[place].key].append(work.reserved)
    gratis = {key for key, found in reserved.items() if key is not None and len(found) >= ENOUGH and not any(found)}
    return [call for place, call in enumerate(calls) if place not in taken and call.key not in gratis]
