"""The audit trail, newest first, and its export, for owners and site admins."""

from collections.abc import Iterator
from datetime import datetime

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core import clock
from core.export import ExportFile
from core.filters import Chip, FilterForm, Words, search_input
from core.http import LOG_PARTS, Context, render_page, requested_part, without_empty_parameters
from core.pagination import day_headings
from workspaces.access import current_role, get_workspace, require_site_admin
from workspaces.audit.events import Actor
from workspaces.audit.export import export_trail
from workspaces.downloads import confirm_and_export
from workspaces.models import Action, AuditEvent, Outcome, Role, User, Workspace
from workspaces.models.audit import AuditEventQuerySet


class AuditFilterForm(FilterForm):
    """The filters. All are optional; while one is invalid, the page shows no events."""

    search = "actor"
    has_positions = False

    CONSOLE = "the console itself"

    actor = forms.CharField(
        required=False, label="Actor", max_length=254, widget=search_input("Actor: part of an email", list="actors")
    )
    action = forms.ChoiceField(required=False, label="Action", choices=[("", "All actions"), *Action.choices])
    outcome = forms.ChoiceField(required=False, label="Outcome", choices=[("", "All outcomes"), *Outcome.choices])
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def apply(self, events: AuditEventQuerySet, now: datetime) -> AuditEventQuerySet:
        """Return the matching ``events``."""
        data = self.cleaned_data
        events = events.filter(**self.in_time("at", now))
        for name in ("action", "outcome"):
            if data[name]:
                events = events.filter(**{name: data[name]})
        if data["actor"] == self.CONSOLE:
            return events.filter(actor_email="")
        return events.filter(actor_email__icontains=data["actor"]) if data["actor"] else events

    def words(self) -> Iterator[Words]:
        """Yield each filter that is set, in words."""
        yield from super().words()
        raw = self.raw
        if raw["actor"]:
            yield ("actor",), f"by {raw['actor']}"
        if raw["action"]:
            yield ("action",), dict(Action.choices).get(raw["action"], raw["action"])
        if raw["outcome"]:
            yield ("outcome",), dict(Outcome.choices).get(raw["outcome"], raw["outcome"]).lower()

    @property
    def suggestions(self) -> list[Chip]:
        """Return filters to begin with, each with its query string."""
        return [Chip("By the console itself", self.link(actor=self.CONSOLE))]


PAGE_SIZE = 50


@require_safe
@without_empty_parameters
def audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the audit trail of one workspace."""
    workspace = get_workspace(request, slug)
    actors = workspace.memberships.values_list("user__email", flat=True).order_by("user__email")
    context: dict[str, object] = {"actors": actors}
    if current_role(request) == Role.OWNER:
        context["export_url"] = reverse("workspaces:audit_export", args=[workspace.slug])
    return _trail(request, AuditEvent.objects.of(workspace), context)


@require_safe
@without_empty_parameters
def site_audit(request: HttpRequest) -> HttpResponse:
    """Show site admins the whole trail: all workspaces, removed ones too, and events without a workspace."""
    require_site_admin(request)
    actors = User.objects.values_list("email", flat=True).order_by("email")
    context = {"actors": actors, "export_url": reverse("workspaces:site_audit_export")}
    return _trail(request, AuditEvent.objects.order_by("-pk"), context)


def _trail(request: HttpRequest, events: AuditEventQuerySet, context: Context) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    # With an invalid filter, show nothing: unfiltered events would look like the result.
    page = form.apply(events, clock.cached_now()) if form.is_valid() else events.none()
    if before := form.cleaned_data.get("before"):
        page = page.filter(Q(pk__lt=before))
    # One row more than is shown reveals whether there are older ones, without counting the trail.
    rows = list(page[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    context |= {
        "form": form,
        "chips": form.chips(),
        "log_url": request.path,
        "events": shown,
        "rows": list(zip(shown, day_headings(event.at for event in shown), strict=True)),
        "older": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        "before": before,
    }
    if form.errors:
        context["export_url"] = ""
    elif "export_url" in context:
        context["export_url"] += form.query_string
    return render_page(request, "workspaces/audit.html", requested_part(request, LOG_PARTS, "results"), context)


@require_POST
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Export the audit trail of one workspace, with the filters of the page."""
    workspace = get_workspace(request, slug, Role.OWNER)
    back = reverse("workspaces:audit", args=[workspace.slug])
    return _export(request, AuditEvent.objects.of(workspace), back, workspace)


@require_POST
def site_export(request: HttpRequest) -> HttpResponseBase:
    """Export the whole trail, with the filters of the page, for a site admin."""
    require_site_admin(request)
    return _export(request, AuditEvent.objects.order_by("-pk"), reverse("workspaces:site_audit"), None)


def _export(
    request: HttpRequest, events: AuditEventQuerySet, back: str, workspace: Workspace | None
) -> HttpResponseBase:
    form = AuditFilterForm(request.GET)

    def make(file_format: str) -> ExportFile:
        return export_trail(
            workspace, Actor.of(request), form.apply(events, clock.cached_now()), form.for_audit, file_format
        )

    return confirm_and_export(request, form, make, back=back, go_on="Export the audit trail")
