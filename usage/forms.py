"""Forms for marks on balance changes, for imported histories and for the what-if."""

from collections.abc import Mapping
from decimal import Decimal

from django import forms

from core.filters import choice_field
from core.form_messages import CleanedData
from core.formatting import format_number
from core.sanitize import sanitize_text
from usage.changes.types import ZERO, Mark
from usage.models import BalanceChange

MOST = Decimal(10**12)
RISE = (
    (Mark.TOP_UP, "A top-up: credits were bought or granted"),
    (Mark.NONE, "No top-up: credits returned from reservations"),
    (Mark.REFUND, "A refund of credits that had been spent"),
    (Mark.CORRECTION, "A correction, neither bought nor spent"),
)
FALL = (
    (Mark.NONE, "Spending and nothing else"),
    (Mark.TOP_UP, "Spending with a top-up hidden in it"),
    (Mark.CORRECTION, "A correction, not spent"),
)
MOST_ADDED = 1_000_000_000


class MarkForm(forms.Form):
    """A person's statement of what a change was."""

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
        error_messages={"invalid": "Enter a number of credits, for example 5000."},
    )
    sure = forms.BooleanField(label="The amount is right, whatever the readings say", required=False)
    note = forms.CharField(label="Note", max_length=300, required=False, help_text="For example: invoice from 3 May.")

    def __init__(self, change: BalanceChange, data: Mapping[str, object] | None = None) -> None:
        """``change`` determines the choices."""
        super().__init__(data, initial={"mark": change.mark or None, "credits": change.marked, "note": change.note})
        self.change = change
        self.needed_by_choice = ("credits",) if change.delta <= 0 else ()
        if self.needed_by_choice:
            self.fields["credits"].help_text = "As on the invoice. The readings don't show it: the balance fell."
        self.asks_again = "sure" in (data or {})
        choice_field(self, "mark").choices = RISE if change.delta > 0 else FALL

    def clean(self) -> dict[str, object]:
        """Require the amount if the readings do not show it, and a confirmation if they contradict it."""
        data: CleanedData = super().clean() or {}
        amount = data.get("credits")
        if data.get("mark") != Mark.TOP_UP:
            if amount is not None and "mark" not in self.errors:
                self.add_error("credits", "An amount belongs to a top-up. Choose that, or leave this empty.")
        elif amount is not None:
            if (doubt := self._contradiction(amount)) and not data.get("sure"):
                self.add_error("credits", doubt)
                self.asks_again = True
        elif self.change.delta <= 0 and "credits" not in self.errors:
            self.add_error("credits", "The balance fell, so only you can say how many credits were added.")
        return data

    def _contradiction(self, amount: Decimal) -> str:
        """Return how the readings contradict a top-up of this size, or ""."""
        row = self.change
        unseen = amount - max(ZERO, row.delta)
        again = "If it is right, select the box below."
        if unseen > max(abs(row.before), abs(row.after), row.top_up_high):
            return f"Then {format_number(unseen)} credits were spent unseen between two readings. {again}"
        if not row.mark and amount < row.top_up_low:
            return f"By the readings {format_number(row.top_up_low)} credits were added at least. {again}"
        return ""


class HistoryForm(forms.Form):
    """A history of the balance, as a file or as pasted text."""

    needed_by_choice = ("file", "text")

    MOST_BYTES = 900_000
    TOO_LARGE = "The file is larger than 900 kB. Send it in parts."
    file = forms.FileField(
        label="CSV file",
        required=False,
        help_text="900 kB and 10,000 rows at most.",
        widget=forms.FileInput(attrs={"data-most-bytes": MOST_BYTES, "data-too-large": TOO_LARGE}),
    )
    text = forms.CharField(
        label="Or its lines",
        required=False,
        strip=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "placeholder": "time,credits,topped_up"}),
    )
    name = forms.CharField(widget=forms.HiddenInput, required=False, max_length=120)

    def clean(self) -> dict[str, object]:
        """Return the lines as ``text`` and a name for them as ``name``."""
        data: CleanedData = super().clean() or {}
        file = data.get("file")
        if file and file.size > self.MOST_BYTES:
            raise forms.ValidationError(self.TOO_LARGE)
        if file:
            try:
                data["text"] = file.read().decode()
            except UnicodeDecodeError:
                raise forms.ValidationError("The file is not text in UTF-8.") from None
            data["name"] = sanitize_text(file.name, 120)
        if not (data.get("text") or "").strip():
            raise forms.ValidationError("Choose a file, or paste its lines.")
        data["name"] = data.get("name") or "Pasted lines"
        return data


class WhatIfForm(forms.Form):
    """A number of credits to add to the current balance."""

    more = forms.DecimalField(
        label="More credits",
        min_value=Decimal(1),
        max_value=Decimal(MOST_ADDED),
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"min": 1, "step": "any", "inputmode": "decimal"}),
        error_messages={"invalid": "Enter a number of credits, for example 5000."},
    )
