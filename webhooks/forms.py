"""Forms for a URL to check, and for the target of a redelivery."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.filters import choice_field
from webhooks.outgoing import URLNotAllowed, parse_target
from webhooks.outgoing.targets import MAX_URL_LENGTH
from webhooks.redelivery.selection import RedeliverySelection


def is_callable(url: str) -> None:
    """Raise ValidationError for a URL that the console does not call, in words for whoever typed it."""
    try:
        parse_target(url)
    except URLNotAllowed as error:
        raise ValidationError(error.words) from error


def url_field(label: str, help_text: str, missing: str = "Enter the URL.") -> forms.CharField:
    """Return a field for the URL of a receiver; ``missing`` is said where there is none."""
    return forms.CharField(
        label=label,
        error_messages={"required": missing},
        max_length=MAX_URL_LENGTH,
        validators=[is_callable],
        help_text=help_text,
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "inputmode": "url",
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "placeholder": "https://hooks.example.com/cleanlist",
            }
        ),
    )


class CheckForm(forms.Form):
    """An endpoint to check."""

    url = url_field(
        "URL of the endpoint",
        "The console sends one POST with sample data marked as a test. It contains no real contact data.",
    )


OWN, OTHER = "own", "other"


class RedeliverForm(forms.Form):
    """Where redelivered results go."""

    where = forms.ChoiceField(
        label="Send to",
        initial=OWN,
        choices=[(OWN, "Original URLs"), (OTHER, "One other URL")],
        widget=forms.RadioSelect,
    )
    url = url_field(
        "Other URL",
        "Personal contact data is sent to this URL. The audit trail records who sent it and where.",
        missing="Choose where to send them.",
    )
    expected = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, selection: RedeliverySelection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.selection = selection
        if selection.without_url == selection.count:
            # There is nothing to choose: none has a URL of its own.
            choice_field(self, "where").choices = [(OTHER, "to one URL")]
            self.fields["where"].widget = forms.HiddenInput()
            self.fields["url"].label = "URL to send to"
            self.initial["where"] = OTHER
        if selection.url:
            self.initial.setdefault("where", OTHER)
            self.initial.setdefault("url", selection.url)

    def clean(self) -> dict[str, object]:
        """Leave the other URL alone where it is not asked for."""
        data: dict[str, object] = super().clean() or {}
        if data.get("where") == OWN:
            self.errors.pop("url", None)
            data["url"] = ""
        return data
