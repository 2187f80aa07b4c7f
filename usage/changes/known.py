"""What is known to the credit: which changes the reservations and releases of known enrichments fell into."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from usage.changes.facts import SKEW, ZERO, Change, Work


@dataclass
class Known:
    """Of one change: what known enrichments took and gave back.

    ``earlier`` is what those took before that gave back here; ``most`` is what the calls could have taken that began
    ``begun`` enrichments here; ``ended`` more ended here, of which amounts are not known.
    """

    reserved: Decimal = ZERO
    returned: Decimal = ZERO
    earlier: Decimal = ZERO
    most: Decimal = ZERO
    begun: int = 0
    ended: int = 0

    @property
    def is_any(self) -> bool:
        """Say whether any enrichment is known here to the credit."""
        return bool(self.reserved or self.returned)


def place(works: Sequence[Work], changes: Sequence[Change]) -> list[Known]:
    """Lay what enrichments took and gave back at the changes that show it; return what is known of each change.

    Clocks differ a little: near the border of two changes it is the one that it fits better. Of an enrichment of which
    one half shows in no change the other half is left out too, so that nothing is counted by halves.
    """
    found = _Placing(changes)
    ended = [work for work in works if work.ended_at is not None]
    for work in sorted(ended, key=lambda one: one.begun_at or one.ended_at or changes[0].since):
        found.lay(work)
    return found.known


class _Placing:
    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self.ends = [change.until for change in changes]
        self.rest = [change.delta for change in changes]
        self.known = [Known() for _ in changes]

    def lay(self, work: Work) -> None:
        last = self._best(work.ended_at, 1)
        if last is None:
            return
        if work.reserved is None or work.charged is None:
            self.known[last].ended += 1
            return
        reserved = work.reserved
        if work.begun_at is None or work.begun_at < self.changes[0].since:
            self.known[last].earlier += reserved
        elif (first := self._best(work.begun_at, -1)) is not None:
            self.known[first].reserved += reserved
            self.known[first].most += work.most
            self.known[first].begun += 1
            self.rest[first] += reserved
        else:
            return
        self.known[last].returned += reserved - work.charged
        self.rest[last] -= reserved - work.charged

    def _best(self, at: datetime | None, sign: int) -> int | None:
        """Return the change around ``at`` that rose (or with sign -1: fell) most beyond what is explained already."""
        if at is None:
            return None
        found: list[int] = []
        spot = bisect_left(self.ends, at - SKEW)
        while spot < len(self.changes) and self.changes[spot].since - SKEW <= at:
            found.append(spot)
            spot += 1
        return max(found, key=lambda one: sign * self.rest[one], default=None)
