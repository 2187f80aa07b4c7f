"""Hides the banner about an alert for as long as its reader stays signed in."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from alerts.context import DISMISSED
from core.http import referrer_or
from workspaces.access import get_workspace

MOST_REMEMBERED = 100


@require_POST
def dismiss(request: HttpRequest, slug: str) -> HttpResponse:
    """Hide the banner of the alert in field "alert" from this person; a worse or newer alert shows one again."""
    workspace = get_workspace(request, slug)
    pk = request.POST.get("alert", "")
    if pk.isascii() and pk.isdecimal() and len(pk) < 19:
        request.session[DISMISSED] = [*request.session.get(DISMISSED, []), int(pk)][-MOST_REMEMBERED:]
    return HttpResponseRedirect(referrer_or(request, workspace.get_absolute_url()))
