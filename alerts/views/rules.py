"""Rules: everyone in the workspace reads them, owners change them."""

from decimal import Decimal

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alerts.engine.preview import preview
from alerts.engine.rule_kinds import RuleKind, all_kinds, kind_named
from alerts.forms import RuleForm, entries_at_level
from alerts.models import Rule
from alerts.services import rules
from alerts.services.notifications import outsiders
from alerts.views.alerts import RefusedLevel, show_list
from core import clock
from core.http import Undo, redirect_to, render_page
from workspaces.access import get_workspace, require_confirmation, take_kept_entries
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
TEMPLATE = "alerts/rule.html"


@require_safe
def choose_kind(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a new rule can watch."""
    get_workspace(request, slug, Role.OWNER)
    kinds = [kind for kind in all_kinds() if not kind.required_because]  # there is one of each of those already
    return render(request, "alerts/choose_kind.html", {"kinds": kinds})


@get_or_post
def new(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Show the form of a new rule, try it out, or store it."""
    workspace = get_workspace(request, slug, Role.OWNER)
    found = _kind(kind)
    if found.required_because:
        raise Http404
    default = found.defaults[0] if found.defaults else None
    rule = Rule(
        workspace=workspace,
        kind=found.name,
        name=found.label,
        threshold=default.threshold if default else Decimal(100),
        recovery=default.recovery if default else Decimal(100),
        parameters=dict(default.parameters) if default else {},
    )
    return _form(request, workspace, found, rule)


@get_or_post
def rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a rule, try out a change, or store it."""
    workspace = get_workspace(request, slug, Role.OWNER if request.method == "POST" else Role.VIEWER)
    found = _rule(workspace, pk)
    return _form(request, workspace, _kind(found.kind), found)


@get_or_post
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask, then remove a rule."""
    workspace = get_workspace(request, slug, Role.OWNER)
    found = _rule(workspace, pk)
    if found.is_required:
        return _refused(request, found)
    if request.method == "POST":
        rules.remove_rule(found, Actor.of(request))
        return redirect_to(request, _list(workspace), f"Rule “{found.name}” removed.")
    context = {
        "title": f"Remove the rule “{found.name}”?",
        "button": "Remove the rule",
        "back_url": found.get_absolute_url(),
        "action_url": request.path,
        "consequences": [
            f"No one is notified when {found.condition}.",
            "Its active alerts end, and everyone notified of them learns that nothing watches this. Past alerts stay.",
            "To keep its settings, turn it off instead.",
        ],
    }
    return render_page(request, "workspaces/confirm.html", "dialog", context)


@require_POST
def switch(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Turn a rule on or off, as the field "to" says."""
    workspace = get_workspace(request, slug, Role.OWNER)
    found = _rule(workspace, pk)
    if found.is_required:
        return _refused(request, found)
    before, wanted = rules.describe(found), request.POST.get("to", "off" if found.enabled else "on")
    found.enabled = wanted == "on"
    rules.save_rule(found, Actor.of(request), before)
    undo = Undo(request.path, {"to": "off" if found.enabled else "on"})
    return redirect_to(request, _list(workspace), f"“{found.name}” is {'on' if found.enabled else 'off'}.", undo)


@require_POST
def set_level(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change the level at which a rule fires, from the list; the level at which it resolves keeps its distance."""
    workspace = get_workspace(request, slug, Role.OWNER)
    found = _rule(workspace, pk)
    kind = _kind(found.kind)
    if kind.is_flag:
        raise Http404("This rule has no level.")
    before = rules.describe(found)
    undo = Undo(request.path, {"threshold": f"{found.threshold:f}", "recovery": f"{found.recovery:f}"})
    entries = entries_at_level(found, request.POST.get("threshold", ""), request.POST.get("recovery", ""))
    form = RuleForm(workspace, kind, found, entries)
    if not form.is_valid():
        problem = str(next(iter(form.errors.values()))[0])
        return show_list(request, workspace, RefusedLevel(found, request.POST.get("threshold", ""), problem))
    rules.save_rule(form.apply(), Actor.of(request), before)
    return redirect_to(request, _list(workspace), f"“{found.name}” now fires when {found.condition}.", undo)


def _refused(request: HttpRequest, rule: Rule) -> HttpResponse:
    messages.error(request, str(rules.RuleRequired(rule)))
    return redirect_to(request, rule.get_absolute_url())


def _form(request: HttpRequest, workspace: Workspace, kind: RuleKind, rule: Rule) -> HttpResponse:
    """Show the form, or store what was sent; the button "try" shows what the rule would do and stores nothing."""
    before, told_before = rules.describe(rule), set(rule.addresses)
    typed = take_kept_entries(request) if request.method != "POST" else None
    form = RuleForm(workspace, kind, rule, request.POST if request.method == "POST" else None, typed)
    context: dict[str, object] = {
        "kind": kind,
        "rule": rule,
        "form": form,
        "is_new": rule.pk is None,
    }
    if not form.is_bound:
        return render(request, TEMPLATE, context | {"preview": preview(workspace, _copy(rule), clock.cached_now())})
    if not form.is_valid():
        return render_page(request, TEMPLATE, "answer", context, status=422)
    if "try" in request.POST:
        context |= {"preview": preview(workspace, _copy(form.apply()), clock.cached_now()), "tried": True}
        return render_page(request, TEMPLATE, "answer", context)
    if outsiders(workspace, set(form.cleaned_data["addresses"]) - told_before):
        require_confirmation(request, keep=tuple(form.fields))
    rules.save_rule(form.apply(), Actor.of(request), before)
    return redirect_to(request, _list(workspace), f"“{rule.name}” saved.")


def _copy(rule: Rule) -> Rule:
    """Return the same rule unstored, so that trying it out cannot change the stored one."""
    names = ("workspace", "kind", "name", "severity", "parameters", "threshold", "recovery", "pending_seconds")
    return Rule(**{name: getattr(rule, name) for name in names})


def _rule(workspace: Workspace, pk: int) -> Rule:
    return get_object_or_404(Rule.objects.select_related("workspace"), workspace=workspace, pk=pk)


def _kind(name: str) -> RuleKind:
    found = kind_named(name)
    if found is None:
        raise Http404("This console cannot watch that.")
    return found


def _list(workspace: Workspace) -> str:
    return reverse("alerts:list", args=[workspace.slug])
