"""What people enter: a URL to check."""

from django import forms
from django.core.exceptions import ValidationError

from webhooks.outgoing import Refused, target_of
from webhooks.outgoing.targets import LONGEST_URL


def is_callable(url: str) -> None:
    """Raise ValidationError for a URL that the console does not call, in words for whoever typed it."""
    try:
        target_of(url)
    except Refused as error:
        raise ValidationError(error.words) from error


def url_field(label: str, help_text: str, *, required: bool = True) -> forms.CharField:
    """Return a field for the URL of a receiver."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST_URL,
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
        "The console sends one POST with a sample that is marked as a test. No contact data goes there.",
    )
