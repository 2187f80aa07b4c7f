"""The support bundle: form, full preview, download.

For every member: it holds nothing that a viewer cannot read, and less of it. That it was taken is recorded.
"""

import datetime as dt

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from core import clock
from core.export import in_file_name
from core.filters import choice_field
from core.http import render_page
from keys.models import ApiKey
from troubleshooting.bundle.builder import SupportBundle, make_bundle, record_download
from troubleshooting.bundle.redactor import KINDS
from troubleshooting.cases import last_said
from troubleshooting.pasted.secrets import remove_secrets
from troubleshooting.zip_stream import stream_zip
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.downloads import download
from workspaces.models import Workspace

PAGE = "troubleshooting/bundle/page.html"
_LONGEST_ID = 200
_TYPED = ("workflow", "request", "column", "endpoint", "message", "tried", "body")
_KEEP_LABELS = {
    "emails": "Email addresses",
    "phones": "Phone numbers",
    "names": "Names and the values in contacts",
    "addresses": "IP addresses",
}


def _id_field(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=_LONGEST_ID, help_text=hint)


class BundleForm(forms.Form):
    """All fields are optional. The first four are also query parameters of links to this page."""

    workflow = _id_field("Workflow ID")
    request = _id_field("Request ID", "From an error response (req_…) or a request log row.")
    key = forms.ChoiceField(label="API key", required=False)
    column = _id_field("Column ID", "For smart columns only.")
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
        help_text="The bundle contains only its structure: three contacts, without their values.",
    )
    keep = forms.MultipleChoiceField(
        label="Include",
        required=False,
        choices=[(name, _KEEP_LABELS[name]) for name in KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Otherwise, a placeholder such as [email 1] replaces them. Secrets are never included.",
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
        until: dt.datetime | None = self.cleaned_data["until"]
        return now if self._is_new or until is None else min(until, now)


@sensitive_post_parameters(*_TYPED)
@require_http_methods(["GET", "HEAD", "POST"])
def bundle(request: HttpRequest, slug: str) -> HttpResponse:
    """Preview the bundle in full; nothing leaves the console yet."""
    workspace = get_workspace(request, slug)
    form = BundleForm(request.POST if request.method == "POST" else _asked_for(request), workspace, is_new=True)
    return _preview(request, form, _bundle_of(workspace, form))


@sensitive_post_parameters(*_TYPED)
@require_POST
def take(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the previewed bundle as a ZIP or as one text; show the preview again if it has changed since."""
    workspace = get_workspace(request, slug)
    form = BundleForm(request.POST, workspace)
    made = _bundle_of(workspace, form)
    file_format = request.POST.get("format", "")
    if made is None or file_format not in {"zip", "txt"} or form.cleaned_data["seen"] != made.digest:
        return _preview(request, form, made, changed=made is not None)
    record_download(workspace, Actor.of(request), form.cleaned_data, file_format)
    name = f"support-{workspace.slug}-{in_file_name(made.until)}"
    if file_format == "zip":
        return download(request, stream_zip(made.files), f"{name}.zip", "application/zip")
    return download(request, iter([made.text]), f"{name}.txt", "text/plain; charset=utf-8")


def _asked_for(request: HttpRequest) -> QueryDict:
    """Return the query, with what was said of the case that led here, which no address has."""
    asked = request.GET.copy()
    if asked.pop("said", None):
        asked["message"] = last_said(request)
    return asked


def _bundle_of(workspace: Workspace, form: BundleForm) -> SupportBundle | None:
    if not form.is_valid():
        return None
    return make_bundle(workspace, form.cleaned_data, form.keys.get(form.cleaned_data["key"]))


def _preview(
    request: HttpRequest, form: BundleForm, made: SupportBundle | None, *, changed: bool = False
) -> HttpResponse:
    finder = [
        {"prefix": key.prefix, "last4": key.last4, "label": key.label}
        for key in form.keys.values()
        if key.prefix and key.last4
    ]
    context = {"form": form, "bundle": made, "changed": changed, "finder": finder}
    return render_page(request, PAGE, "preview", context, status=200 if made else 422)
