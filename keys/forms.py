"""Forms for creating keys, filtering the list, and revoking all."""

import uuid
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from core import clock
from core.filters import choice_field
from core.formatting import format_day
from core.sanitize import validate_single_line
from keys.models.key import SORTS, ApiKeyQuerySet, status_conditions

REVOKE_ALL_PHRASE = "revoke all keys"
PRESET_DAYS = {"30": "30 days", "90": "90 days", "180": "180 days", "365": "1 year"}
# A later expiry protects nobody, and times in the year 9999 overflow in other time zones.
FURTHEST = timedelta(days=3653)


def end_of_day(day: date) -> datetime:
    """Return the last second of ``day`` in the viewer's time zone."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))


def _last_day(today: date, days: str) -> str:
    return format_day(end_of_day(today + timedelta(days=int(days))))


class CreateKeyForm(forms.Form):
    """A new key's name and expiry. ``form_id`` ensures that a form sent twice creates only one key."""

    needed_by_choice = ("expires_on",)

    name = forms.CharField(
        max_length=200,
        validators=[validate_single_line],
        help_text="Where the key is used, for example “Production server”. Use a separate key for each service.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autofocus": True,
                "spellcheck": "false",
                "hx-get": "",
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#namesakes",
                "hx-sync": "this:replace",
            }
        ),
        error_messages={
            "required": "Enter a name, so that you can tell the key apart later.",
            "max_length": "A name has at most 200 characters; this one has %(show_value)d.",
        },
    )
    expiry = forms.ChoiceField(
        label="Expires",
        initial="90",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose when the key expires, or “Never”."},
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The key works until the end of this day, in your time zone.",
        error_messages={"invalid": "Enter a date, for example 2027-01-31."},
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = clock.today()
        presets = [(days, f"{words}, until {_last_day(today, days)}") for days, words in PRESET_DAYS.items()]
        choice_field(self, "expiry").choices = [*presets, ("date", "On a date"), ("never", "Never")]
        days = self.fields["expires_on"].widget.attrs
        days["min"], days["max"] = today.isoformat(), (today + FURTHEST).isoformat()

    def clean(self) -> dict[str, object]:
        """Set ``expires_at`` to the time of expiry, or None."""
        data = super().clean() or self.cleaned_data
        choice, day = data.get("expiry"), data.get("expires_on")
        data["expires_at"] = None
        if choice in PRESET_DAYS:
            data["expires_at"] = end_of_day(clock.today() + timedelta(days=int(choice)))
        elif choice == "date" and "expires_on" not in self.errors:
            data["expires_at"] = self._end_of(day)
        return data

    def _end_of(self, day: date | None) -> datetime | None:
        today = clock.today()
        if day is None:
            self.add_error("expires_on", "Enter the last day the key should work.")
        elif day < today:
            self.add_error("expires_on", "Choose today or a later day.")
        elif day > today + FURTHEST:
            self.add_error("expires_on", "Choose a day within ten years, or “Never”.")
        else:
            return end_of_day(day)
        return None

    def again(self) -> "CreateKeyForm":
        """Return the same entries and errors with a new ``form_id``, for another attempt."""
        self.data = {**{name: self.data.get(name, "") for name in self.fields}, "form_id": str(uuid.uuid4())}
        return self


STATUSES = {
    "active": "Active",
    "expiring": "Expiring soon",
    "unused": "Never used",
    "idle": "Idle",
    "expired": "Expired",
    "revoked": "Revoked",
    "gone": "Removed from Cleanlist",
}


class KeyFilterForm(forms.Form):
    """Which keys to show and in which order. Every field is optional; an invalid one is ignored."""

    q = forms.CharField(required=False, max_length=200)
    status = forms.ChoiceField(required=False, choices=[("", "All"), *STATUSES.items()])
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")])

    @property
    def narrows(self) -> bool:
        """Return whether a filter may hide keys."""
        return bool(self.cleaned_data.get("q") or self.cleaned_data.get("status"))

    @property
    def order(self) -> str:
        """Return the column to sort by, with a minus for descending."""
        return self.cleaned_data.get("sort") or "name"

    def apply(self, keys: ApiKeyQuerySet) -> ApiKeyQuerySet:
        """Filter and order ``keys``; by default by name."""
        data = self.cleaned_data
        if text := data.get("q"):
            keys = keys.matching(text)
        if status := data.get("status"):
            keys = keys.filter(status_conditions(clock.cached_now())[status])
        return keys.sorted_by(self.order.lstrip("-"), descending=self.order.startswith("-"))


class RevokeAllForm(forms.Form):
    """The phrase to type before all keys are revoked."""

    phrase = forms.CharField(max_length=100, required=False)

    def clean_phrase(self) -> str:
        phrase: str = self.cleaned_data["phrase"]
        if phrase != REVOKE_ALL_PHRASE:
            raise ValidationError(f"Nothing was revoked. Type exactly: {REVOKE_ALL_PHRASE}")
        return phrase
