"""Reservations of running enrichments: falls that may partly come back, and which change shows which enrichment."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from usage.changes.types import SKEW, ZERO, Change, EnrichmentCredits

# Enrichments take minutes: after USUAL_DURATION reserved credits rarely come back, after EXPIRES_AFTER never.
USUAL_DURATION = timedelta(hours=1)
EXPIRES_AFTER = timedelta(hours=24)


@dataclass
class OpenReservation:
    """A fall, and how much of it may still come back; ``explained`` is the part that the request log accounts for."""

    at: datetime
    remaining: Decimal
    explained: Decimal
    total: Decimal
    ttl: timedelta = EXPIRES_AFTER


class Reservations:
    """Falls that may still come back, as of the beginning of a change: credits may have come back right after it."""

    def __init__(self) -> None:
        self._rows: list[OpenReservation] = []

    def add(
        self, at: datetime, amount: Decimal, explained: Decimal | None = None, ttl: timedelta = EXPIRES_AFTER
    ) -> None:
        """Add a fall; by default all of it counts as explained."""
        if amount > 0:
            self._rows.append(OpenReservation(at, amount, amount if explained is None else explained, amount, ttl))

    def drop_expired(self, now: datetime) -> None:
        """Drop falls that are too old to come back."""
        self._rows = [row for row in self._rows if row.remaining > 0 and now - row.at <= row.ttl]

    def open(self) -> list[OpenReservation]:
        """Return the open reservations, the largest first."""
        return sorted((row for row in self._rows if row.remaining > 0), key=lambda row: -row.remaining)

    def release(self, amount: Decimal) -> None:
        """Subtract returned credits from a fall of that size, else the smallest that holds them, else the newest."""
        rows = self.open()
        equal = [row for row in rows if row.remaining == amount]
        alone = equal or [row for row in rows if row.remaining >= amount][-1:]
        for row in alone or sorted(rows, key=lambda one: one.at, reverse=True):
            part = min(row.remaining, amount)
            row.remaining -= part
            amount -= part
            if amount <= 0:
                return


@dataclass
class AssignedCredits:
    """The credits that known enrichments reserved and returned in one change.

    ``earlier`` is the amount taken earlier by those that returned credits here. More enrichments with unknown amounts
    ended here: they had at most ``ended`` credits, or as many as the largest known one.
    """

    reserved: Decimal = ZERO
    returned: Decimal = ZERO
    earlier: Decimal = ZERO
    ended: Decimal = ZERO

    @property
    def is_any(self) -> bool:
        """Return whether any enrichment's exact amount is known here."""
        return bool(self.reserved or self.returned)


def assign_enrichments(works: Sequence[EnrichmentCredits], changes: Sequence[Change]) -> list[AssignedCredits]:
    """Assign reservations and returns of enrichments to the changes that show them; return the totals per change.

    Clocks differ a little: near the border between two changes, the one that fits better is chosen. If one half of an
    enrichment shows in no change, the other half is left out too, so that nothing is counted by halves.
    """
    found = _Assignment(changes, works)
    ended = [work for work in works if work.ended_at is not None]
    for work in sorted(ended, key=lambda one: one.begun_at or one.ended_at or changes[0].since):
        found.lay(work)
    return found.known


# With at least this many known enrichments, the largest bounds the size of unknown ones.
ENOUGH = 5


class _Assignment:
    def __init__(self, changes: Sequence[Change], works: Sequence[EnrichmentCredits]) -> None:
        self.changes = changes
        self.ends = [change.until for change in changes]
        self.rest = [change.delta for change in changes]
        self.known = [AssignedCredits() for _ in changes]
        sizes = [work.reserved for work in works if work.reserved is not None]
        self.largest_known = max(sizes) if len(sizes) >= ENOUGH else None
        self.largest = max((abs(change.delta) for change in changes), default=ZERO)

    def lay(self, work: EnrichmentCredits) -> None:
        """Assign both halves, the start first: if the enrichment ended at once, both belong to one change."""
        reserved, charged = work.reserved, work.charged
        if reserved is None or charged is None:
            if (last := self._best(work.ended_at, 1, self.largest)) is not None:
                self.known[last].ended += min(work.most, self.largest_known or work.most)
            return
        first = AssignedCredits()
        if is_within := work.begun_at is not None and work.begun_at >= self.changes[0].since:
            begun = self._best(work.begun_at, -1, reserved)
            if begun is None or self._best(work.ended_at, 1, reserved) is None:
                return
            first = self.known[begun]
            self.rest[begun] += reserved
        if (last := self._best(work.ended_at, 1, reserved - charged)) is not None:
            first.reserved += reserved
            self.known[last].earlier += ZERO if is_within else reserved
            self.known[last].returned += reserved - charged
            self.rest[last] -= reserved - charged

    def _best(self, at: datetime | None, sign: int, amount: Decimal) -> int | None:
        """Return the change around ``at`` that shows most of ``amount`` as a rise, or with sign -1 as a fall.

        Amounts already explained are subtracted; among several, the change that contains ``at`` is chosen.
        """
        if at is None:
            return None
        found: list[int] = []
        spot = bisect_left(self.ends, at - SKEW)
        while spot < len(self.changes) and self.changes[spot].since - SKEW <= at:
            found.append(spot)
            spot += 1
        return max(found, key=lambda one: (min(sign * self.rest[one], amount), -self._off(one, at)), default=None)

    def _off(self, place: int, at: datetime) -> timedelta:
        change = self.changes[place]
        return max(change.since - at, at - change.until, timedelta(0))
