"""What a person says about their problem, and what may stay in the bundle."""

import datetime as dt

from django import forms
from django.http import QueryDict

from core import clock
from core.filters import choice_field
from keys.models import ApiKey
from troubleshooting.bundle.redactor import KINDS
from troubleshooting.pasted.secrets import remove_secrets
from workspaces.models import Workspace

_LONGEST_ID = 200
_TYPED = ("workflow", "request", "column", "endpoint", "message", "tried", "body")
_KEEP_LABELS = {
    "emails": "E-mail addresses",
    "phones": "Phone numbers",
    "names": "Names and the values in contacts",
    "addresses": "IP addresses",
}


def _id_field(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=_LONGEST_ID, help_text=hint)


class BundleForm(forms.Form):
    """All fields are optional. The first four are also query parameters of links to this page."""

    workflow = _id_field("Workflow id")
    request = _id_field("Request id", "Of an error's answer (req_…), or of a row of the request log.")
    key = forms.ChoiceField(label="API key", required=False)
    column = _id_field("Column id", "For smart columns only.")
    endpoint = forms.CharField(label="Endpoint or feature", required=False, max_length=200)
    status = forms.IntegerField(label="Status code", required=False, min_value=100, max_value=599)
    message = forms.CharField(
        label="Exact error message", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    tried = forms.CharField(
        label="What you tried", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    body = forms.CharField(
        label="Request body",
        required=False,
        max_length=600_000,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"}),
        help_text="Only its shape gets into the bundle: three contacts, and no value of theirs.",
    )
    keep = forms.MultipleChoiceField(
        label="Leave in",
        required=False,
        choices=[(name, _KEEP_LABELS[name]) for name in KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Otherwise a mark such as [e-mail 1] stands there. Secrets never stay in.",
    )
    until = forms.DateTimeField(required=False, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, workspace: Workspace, *, is_new: bool = False) -> None:
        self.had_secret = False
        super().__init__(self._without_secrets(data))
        self._is_new = is_new
        self.keys = {str(key.key_id): key for key in ApiKey.objects.of(workspace).recently_used_first()}
        choices = [
            ("", "None in particular"),
            *((one, f"{key.label} ({key.masked})") for one, key in self.keys.items()),
        ]
        choice_field(self, "key").choices = choices
        for field in self.fields.values():
            if isinstance(field.widget, forms.TextInput | forms.Textarea):
                field.widget.attrs["autocomplete"] = "off"

    def _without_secrets(self, data: QueryDict) -> QueryDict:
        """Return what arrived as the page may show it again. With its script on, the browser has seen to that."""
        data = data.copy()
        for name in _TYPED:
            stripped = remove_secrets(data.get(name, ""))
            if stripped.found:
                data[name] = stripped.text
                self.had_secret = True
        return data

    def clean_until(self) -> dt.datetime:
        """Return up to when the mirror is looked at: now, or the second when the bundle was last looked at."""
        now = clock.cached_now().replace(microsecond=0)
        told: dt.datetime | None = self.cleaned_data["until"]
        return now if self._is_new or told is None else min(told, now)
