"""Explains the interpretation of a balance change in words."""

from dataclasses import dataclass
from decimal import Decimal

from core.formatting import format_quantity
from usage.changes.top_up_score import REASONS
from usage.changes.types import Certainty, Mark
from usage.models import BalanceChange

MARK_WORDS = {
    Mark.TOP_UP: "a top-up",
    Mark.REFUND: "a refund of what had been spent",
    Mark.CORRECTION: "a correction",
    Mark.NONE: "no top-up",
}
CERTAINTY_WORDS = {Certainty.CERTAIN: "Certain", Certainty.LIKELY: "Likely", Certainty.UNCERTAIN: "Uncertain"}


@dataclass(frozen=True)
class ChangeExplanation:
    """A change with its explanation; ``parts`` are its components, each with its sign."""

    change: BalanceChange

    @property
    def thinks(self) -> str:
        """Return a sentence about what it was, as far as known."""
        row = self.change
        if row.mark:
            return f"{self.said.capitalize()}, as someone here said."
        if row.topped_up > 0:
            return f"A top-up of {self._about} credits{self._bounds}."
        rest = "Credits returned from reservations" if row.delta > 0 else "Spending"
        if row.top_up_high > 0:
            return f"{rest}; a top-up of up to {_figure(row.top_up_high)} credits may be in it."
        return f"{rest}."

    @property
    def said(self) -> str:
        """Return what a person marked it as."""
        row = self.change
        amount = f" of {format_quantity(row.topped_up, 'credits')}" if row.mark == Mark.TOP_UP else ""
        return MARK_WORDS[Mark(row.mark)] + amount if row.mark else ""

    @property
    def sure(self) -> str:
        """Return the certainty in a word."""
        return "Said by a person" if self.change.mark else CERTAINTY_WORDS[Certainty(self.change.certainty)]

    @property
    def reasons(self) -> list[str]:
        """Return the reasons, the weightiest first."""
        return [REASONS[word] for word in self.change.why if word in REASONS]

    @property
    def parts(self) -> list[tuple[str, Decimal]]:
        """Return the components of the change."""
        row = self.change
        taken = row.topped_up + row.corrected + row.returned - row.delta
        named = [
            ("Topped up", row.topped_up),
            ("Corrected", row.corrected),
            ("Refunded" if row.mark == Mark.REFUND else "Returned from reservations", row.returned),
            ("Spent and reserved", -taken),
        ]
        return [(name, amount) for name, amount in named if amount]

    @property
    def _about(self) -> str:
        row = self.change
        return f"{'' if row.top_up_low == row.top_up_high else 'about '}{_figure(row.topped_up)}"

    @property
    def _bounds(self) -> str:
        row = self.change
        if row.top_up_low == row.top_up_high:
            return ""
        return f", between {_figure(row.top_up_low)} and {_figure(row.top_up_high)}"


def _figure(amount: Decimal) -> str:
    return format_quantity(amount, "").strip()
