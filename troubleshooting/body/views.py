"""The page that checks a request body. What is pasted is people's contact data: it is neither kept nor logged."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cleanlist.pricing import MAX_CONTACTS
from core.http import render_page
from troubleshooting.body.text import as_lines, can_be_split, find_lines, split_body
from troubleshooting.body.validation import BodyValidation, validate_body
from troubleshooting.zip_stream import stream_zip
from workspaces.access import get_workspace
from workspaces.downloads import download

PAGE = "troubleshooting/body/page.html"
MOST_SHOWN = 100
EXAMPLE = """{
  "enrichment_type": "partial",
  "contacts": [
    {"linkedin_url": "https://www.linkedin.com/in/…"},
    {"first_name": "…", "last_name": "…", "company_domain": "example.com"}
  ],
  "webhook_url": "https://example.com/cleanlist"
}"""


class BodyForm(forms.Form):
    """The pasted body. Anything may be in it: saying what is wrong is the checker's part."""

    body = forms.Field(
        label="Request body",
        widget=forms.Textarea(
            attrs={"rows": 16, "class": "mono", "spellcheck": "false", "autocomplete": "off", "placeholder": EXAMPLE}
        ),
        help_text="The body you send to <code>POST /api/v1/public/enrich/bulk</code>, up to 1 MB. This console checks "
        "it and doesn't store or forward it.",
    )


@sensitive_post_parameters("body")
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a body; answer a sent one with what the API would say to it."""
    get_workspace(request, slug)
    if request.method != "POST":
        return render(request, PAGE, {"form": BodyForm()})
    return _answer(request)


@sensitive_post_parameters("body")
@require_POST
def batches(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send a body with too many contacts back as several with 250 each: a ZIP, or a body a line."""
    get_workspace(request, slug)
    text = request.POST.get("body", "")
    if not can_be_split(verdict := validate_body(text)):
        return _answer(request)
    bodies, name = split_body(text), f"enrich-bulk-{verdict.contacts}-contacts"
    if request.POST.get("format") == "jsonl":
        return download(request, as_lines(bodies), f"{name}.jsonl", "application/x-ndjson; charset=utf-8")
    count = -(-verdict.contacts // MAX_CONTACTS)
    files = ((f"body-{number:0{len(str(count))}}-of-{count}.json", body) for number, body in enumerate(bodies, 1))
    return download(request, stream_zip(files), f"{name}.zip", "application/zip")


@sensitive_post_parameters("body")
@require_POST
def repaired(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send a body of a wrong form back as it was meant, where that can be told."""
    get_workspace(request, slug)
    body = validate_body(request.POST.get("body", "")).repaired
    if not body:
        return _answer(request, status=422)
    return download(request, iter([body]), "enrich-bulk.json", "application/json; charset=utf-8")


def _answer(request: HttpRequest, status: int = 200) -> HttpResponse:
    form = BodyForm(request.POST)
    text = request.POST.get("body", "")
    context = {"form": form} | _verdict(text, validate_body(text))
    return render_page(request, PAGE, "verdict", context, status=status)


def _verdict(text: str, verdict: BodyValidation) -> dict[str, object]:
    shown = verdict.findings[:MOST_SHOWN]
    lines = find_lines(text, shown)
    return {
        "verdict": verdict,
        "findings": list(zip(shown, lines, strict=True)),
        "more": verdict.total - len(shown),
        "requests": -(-verdict.contacts // MAX_CONTACTS) if can_be_split(verdict) else 0,
    }
