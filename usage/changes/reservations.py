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
    left: Decimal
    explained: Decimal
    whole: Decimal
    lasts: timedelta = EXPIRES_AFTER


class Reservations:
    """Falls by age, newest first, as of the beginning of a change: credits may have come back right after it."""

    def __init__(self) -> None:
        self._rows: list[OpenReservation] = []

    def add(
        self, at: datetime, amount: Decimal, explained: Decimal | None = None, lasts: timedelta = EXPIRES_AFTER
    ) -> None:
        """Add a fall; by default all of it counts as explained."""
        if amount > 0:
            self._rows.append(OpenReservation(at, amount, amount if explained is None else explained, amount, lasts))

    def forget(self, now: datetime) -> None:
        """Drop falls that are too old to come back."""
        self._rows = [row for row in self._rows if row.left > 0 and now - row.at <= row.lasts]

    def open(self) -> list[OpenReservation]:
        """Return the open reservations, the largest first."""
        return sorted((row for row in self._rows if row.left > 0), key=lambda row: -row.left)

    def release(self, amount: Decimal) -> None:
        """Subtract returned credits from a fall of that size, else the smallest that holds them, else the newest."""
        rows = self.open()
        whole = [row for row in rows if row.left == amount] or [row for row in rows if row.left >= amount][-1:]
        for row in whole or sorted(rows, key=lambda one: one.at, reverse=True):
            part = min(row.left, amount)
            row.left -= part
            amount -= part
            if amount <= 0:
                return
