"""A form field for a time zone."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from workspaces.models.user import validate_time_zone


class TimeZoneField(forms.CharField):
    """A field for an IANA time zone. It ignores case and cleans to the canonical spelling: "Europe/Vienna"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 64, "required": False, "validators": [validate_time_zone], **options})

    def to_python(self, value: object) -> str:
        """Return the name in its canonical spelling. An unknown name is unchanged; the validator rejects it."""
        text: str = super().to_python(value) or ""
        folded = text.casefold()
        return next((name for name in available_timezones() if name.casefold() == folded), text)
