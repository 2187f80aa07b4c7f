"""Reservations of running enrichments: falls of the balance that may partly come back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

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
