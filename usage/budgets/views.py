"""The budget's form; owners alone, as with alert rules."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core import clock
from core.http import redirect_to, render_page
from usage.budgets.forms import BudgetForm
from usage.budgets.services import remove_budget, rules_about, set_budget
from usage.budgets.status import budget_statuses
from usage.models import Budget
from workspaces.access import get_workspace
from workspaces.audit.events import Actor
from workspaces.models import Role, Workspace

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
def budget(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form, or set the budget."""
    workspace = get_workspace(request, slug, Role.OWNER)
    found = Budget.objects.filter(workspace=workspace).first()
    rules = list(rules_about(workspace))
    form = BudgetForm(found, request.POST if request.method == "POST" else None, has_rules=bool(rules))
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        with_rules = data.get("with_rules", False)
        done = set_budget(
            workspace, Actor.of(request), data["credits"], data["length"], data["time_zone"], with_rules=with_rules
        )
        return redirect_to(request, _page(workspace), f"The budget is {done}.")
    context = {
        "form": form,
        "budget": found,
        "rules": rules,
        "status": budget_statuses([workspace], clock.cached_now()).get(workspace.pk),
    }
    return render(request, "usage/budget.html", context, status=422 if form.is_bound else 200)


@get_or_post
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask, then remove the budget and its rules."""
    workspace = get_workspace(request, slug, Role.OWNER)
    if request.method == "POST":
        done = remove_budget(workspace, Actor.of(request))
        return redirect_to(
            request, _page(workspace), "The budget is removed." if done else "There was no budget any more."
        )
    found = get_object_or_404(Budget, workspace=workspace)
    rules = [f"“{rule.name}”" for rule in rules_about(workspace)]
    with_it = (
        f"These alert rules go with it: {', '.join(rules)}. Their active alerts end, and their recipients are notified."
    )
    context = {
        "title": "Remove the budget?",
        "button": "Remove the budget",
        "back_url": reverse("usage:budget", args=[workspace.slug]),
        "back_label": "Budget",
        "action_url": request.path,
        "consequences": [f"It is {found}.", *([with_it] if rules else []), "Readings and past alerts stay."],
    }
    return render_page(request, "workspaces/confirm.html", "dialog", context)


def _page(workspace: Workspace) -> str:
    return reverse("usage:overview", args=[workspace.slug])
