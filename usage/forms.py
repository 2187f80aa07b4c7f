"""What people tell of a change of the balance."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from usage.changes.facts import Mark
from usage.models import BalanceChange

MOST = Decimal(10**12)
RISE = (
    (Mark.TOP_UP, "A top-up: credits were bought or granted"),
    (Mark.NONE, "No top-up: reserved credits came back"),
    (Mark.REFUND, "A refund of credits that had been spent"),
    (Mark.CORRECTION, "A correction, neither bought nor spent"),
)
FALL = (
    (Mark.NONE, "Spending and nothing else"),
    (Mark.TOP_UP, "Spending with a top-up hidden in it"),
    (Mark.CORRECTION, "A correction, not spent"),
)


class MarkForm(forms.Form):
    """What a change was, by somebody who knows."""

    mark = forms.ChoiceField(label="What was it?", widget=forms.RadioSelect)
    credits = forms.DecimalField(
        label="Credits of the top-up",
        min_value=Decimal("0.0001"),
        max_value=MOST,
        max_digits=17,
        decimal_places=4,
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "step": "any", "inputmode": "decimal"}),
        help_text="As on the invoice. Left empty, it is estimated from the readings.",
        error_messages={"invalid": "Write a number of credits, for example 5000."},
    )
    note = forms.CharField(label="Note", max_length=300, required=False, help_text="Such as: invoice of 3 May.")

    def __init__(self, change: BalanceChange, data: Mapping[str, Any] | None = None) -> None:
        """``change`` decides what it can have been."""
        super().__init__(data, initial={"mark": change.mark or None, "credits": change.marked, "note": change.note})
        self.change = change
        self.fields["mark"].choices = RISE if change.delta > 0 else FALL  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for the amount where the readings cannot tell it, and keep it for top-ups only."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("mark") != Mark.TOP_UP:
            data["credits"] = None
        elif self.change.delta <= 0 and data.get("credits") is None and "credits" not in self.errors:
            self.add_error("credits", "The balance fell, so only you can say how many credits were added.")
        return data
