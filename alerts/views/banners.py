"""The banners of critical alerts on pages of any app."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from alerts.context import DISMISSED, Banners, firing_alerts
from core.http import referrer_or
from workspaces.access import get_workspace

MOST_REMEMBERED = 100  # hidden banners of a session


@require_safe
def live(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Tell an open page what has changed in its alerts; nothing with status 204."""
    if slug:
        get_workspace(request, slug)
    firing = firing_alerts(request)
    if request.GET.get("mark") == firing.mark:
        return HttpResponse(status=204)
    banners = Banners.of_open_page(firing, request.GET.dict())
    return render(request, "alerts/live.html", {"firing": firing, "banners": banners})


@require_POST
def dismiss(request: HttpRequest, slug: str) -> HttpResponse:
    """Hide the banner of the alert in field "alert" from this person; a worse or newer alert shows one again."""
    workspace = get_workspace(request, slug)
    pk = request.POST.get("alert", "")
    if pk.isascii() and pk.isdecimal() and len(pk) < 19:
        request.session[DISMISSED] = [*request.session.get(DISMISSED, []), int(pk)][-MOST_REMEMBERED:]
    return HttpResponseRedirect(referrer_or(request, workspace.get_absolute_url()))
