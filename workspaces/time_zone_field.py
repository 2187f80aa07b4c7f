"""The form field for a time zone."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from workspaces.models.user import validate_time_zone


class TimeZoneField(forms.CharField):
    """Takes a name of the IANA database in any case, and gives it back as that writes it: "Europe/Vienna"."""

    def __init__(self, **options: Any) -> None:
        """Take what a ``CharField`` takes."""
        super().__init__(**{"max_length": 64, "required": False, "validators": [validate_time_zone], **options})

    def to_python(self, value: object) -> str:
        """Return the name as the database writes it; what is no name stays as it is, for the validator to refuse."""
        text: str = super().to_python(value) or ""
        folded = text.casefold()
        return next((name for name in available_timezones() if name.casefold() == folded), text)
