"""The living style page: every component in every state. Mounted in DEBUG only."""

import datetime as dt
import re
from dataclasses import dataclass, field

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from config.environment import ROOT
from core import clock


@dataclass(frozen=True)
class SampleState:
    """A sample resource for ``{% freshness %}``."""

    last_success_at: dt.datetime | None = None
    next_run_at: dt.datetime | None = None
    last_error: str = ""
    interval_seconds: int = 60
    is_stale: bool = False


@dataclass(frozen=True)
class SampleKey:
    """A sample key for a list row."""

    name: str
    level: str
    status: str
    request_count: int
    last_used_at: dt.datetime | None
    created_at: dt.datetime
    last4: str
    points: list[int] = field(default_factory=list)


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(max_length=60, help_text="What runs with this key, such as “nightly batch”.")
    email = forms.EmailField(label="Email", required=False)
    password = forms.CharField(widget=forms.PasswordInput)
    expires = forms.ChoiceField(
        choices=[("30", "30 days"), ("90", "90 days"), ("", "Never")],
        widget=forms.RadioSelect,
        required=False,
        help_text="A key without expiry works until someone revokes it.",
    )
    role = forms.ChoiceField(choices=[("viewer", "Viewer"), ("operator", "Operator"), ("owner", "Owner")])
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    agree = forms.BooleanField(label="Send me a mail before it expires", required=False)


@require_http_methods(["GET", "POST"])
def style_page(request: HttpRequest) -> HttpResponse:
    """Show every component; a POST shows the form with its errors."""
    form = SampleForm(request.POST or None)
    if request.method == "POST":
        form.add_error(None, "The sample form is never saved: this is how a refusal looks.")
    return render(request, "config/design.html", {"form": form, **samples(clock.cached_now())})


def samples(now: dt.datetime) -> dict[str, object]:
    """Return a sample of everything that the page shows, as of ``now``."""
    soon = now + dt.timedelta(seconds=20)
    return {
        "fresh": SampleState(now - dt.timedelta(seconds=40), soon),
        "stale": SampleState(now - dt.timedelta(minutes=14), soon, "the API returned 503.", is_stale=True),
        "unread": SampleState(),
        "keys": _keys(now),
        "moments": [now - dt.timedelta(minutes=3), now + dt.timedelta(days=3, minutes=1), None],
        "series": [12, 18, 15, 22, 30, 28, 41, 38, 45, 31, 52, 60],
        "counts": [0, 0, 3, 8, 0, 14, 22, 9, 4, 0, 1, 6],
        "icons": _icon_names(),
    }


def _keys(now: dt.datetime) -> list[SampleKey]:
    def ago(**span: int) -> dt.datetime:
        return now - dt.timedelta(**span)

    return [
        SampleKey("pipeline", "ok", "Active", 184_203, ago(seconds=8), ago(days=120), "wXyZ", [5, 7, 6, 9, 8, 12]),
        SampleKey(
            "nightly batch", "warning", "Expires in 3 days", 41_876, ago(hours=9), ago(days=87), "q7Lm", [0, 9, 0]
        ),
        SampleKey("staging", "neutral", "Never used", 0, None, ago(days=2), "0aBc"),
        SampleKey(
            "old importer", "danger", "Expired 4 days ago", 1_547, ago(days=40), ago(days=400), "Zz91", [3, 2, 1]
        ),
    ]


def _icon_names() -> list[str]:
    drawn = re.findall(r'<symbol id="([a-z-]+)"', (ROOT / "static" / "icons.svg").read_text())
    return [name for name in drawn if name != "brand"]
