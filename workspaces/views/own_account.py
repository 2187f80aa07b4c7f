"""A person's own account: the profile, the sessions, and additions to django-allauth's pages for second factors."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import unquote, urlsplit

from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import redirect_to, referrer_or, render_page
from workspaces.access import require_confirmation
from workspaces.accounts import events
from workspaces.audit.events import Actor
from workspaces.forms import ProfileForm
from workspaces.models import User
from workspaces.services import sessions

View = Callable[..., HttpResponseBase]
SESSIONS_ON_A_PAGE = 20


def confirmed(view: View) -> View:
    """Wrap a view of allauth so that the person must confirm first who they are."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        require_confirmation(request)
        return view(request, *args, **options)

    return guarded


def with_way_back(view: View) -> View:
    """Wrap a confirmation page to remember where the person came from, for “Not now”."""

    @wraps(view)
    def remembering(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        came_from = referrer_or(request, "")
        path = urlsplit(came_from).path
        if request.method == "GET" and path == request.path:
            request.session["not_now"] = ""  # “Not now” led back here, because that page needs a confirmation
        elif request.method == "GET" and not path.startswith("/accounts/confirm/"):
            request.session["not_now"] = came_from
        return view(request, *args, **options)

    return remembering


def recorded(view: View) -> View:
    """Wrap a view that shows recovery codes to record that it did."""

    @wraps(view)
    def watched(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        response = view(request, *args, **options)
        if response.status_code == 200 and isinstance(request.user, User):
            events.recovery_codes_shown(request, request.user)
        return response

    return watched


@require_safe
def list_sessions(request: HttpRequest) -> HttpResponse:
    """List the person's own sessions: this one on top of the first page, then the latest."""
    rows = sessions.sessions_of(_person(request))[::-1]
    current = next((row for row in rows if sessions.is_current(request.session, row)), None)
    after = request.GET.get("after", "")
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        after = ""
    later = [row for row in rows if row != current and (not after or row.pk < int(after))]
    shown = later[:SESSIONS_ON_A_PAGE]
    context = {
        "sessions": shown if after or current is None else [current, *shown],
        "current": current.pk if current else None,
        "count": len(rows),
        "after": after,
        "more": shown[-1].pk if len(later) > len(shown) else None,
    }
    return render(request, "usersessions/usersession_list.html", context)


@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the person's own sessions."""
    row = get_object_or_404(UserSession, pk=session_id, user_id=request.user.pk)
    sessions.end_own([row], Actor.of(request))
    if sessions.is_current(request.session, row):
        return _leave(request, "Session revoked.")
    return redirect_to(request, reverse("usersessions_list"), "Session revoked.")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all of the person's sessions except this one."""
    mine = UserSession.objects.filter(user_id=request.user.pk)
    others = [row for row in mine if not sessions.is_current(request.session, row)]
    sessions.end_own(others, Actor.of(request))
    return redirect_to(request, reverse("usersessions_list"), "Signed out all other sessions.")


@require_http_methods(["GET", "HEAD", "POST"])
def end_all_sessions(request: HttpRequest) -> HttpResponse:
    """End all of the person's sessions, this one too, after a confirmation page."""
    if request.method != "POST":
        context = {
            "title": "Sign out everywhere?",
            "button": "Sign out everywhere",
            "keep": "Cancel",
            "back_url": reverse("usersessions_list"),
            "back_label": "Sessions",
            "action_url": request.path,
            "consequences": [
                "All your browsers are signed out, including this one.",
                "Unsaved changes there may be lost.",
            ],
        }
        return render_page(request, "workspaces/confirm.html", "dialog", context)
    sessions.end_own(UserSession.objects.filter(user_id=request.user.pk), Actor.of(request))
    return _leave(request, "You are signed out everywhere.")


def _leave(request: HttpRequest, done: str) -> HttpResponse:
    logout(request)
    return redirect_to(request, reverse("account_login"), done)


def _person(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise TypeError("The middleware lets only people who are signed in come here.")
    return user


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change the name and the time zone."""
    # A separate instance, because a form with errors must not change the user that the page header shows.
    user = User.objects.get(email=request.user.get_username())
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect_to(request, reverse("workspaces:profile"), "Saved.")
    zones = form.zones()
    detected = unquote(request.COOKIES.get("tz", ""))
    context = {"form": form, "zones": zones, "detected": detected if detected in zones else ""}
    return render(request, "workspaces/profile.html", context, status=422 if form.errors else 200)
