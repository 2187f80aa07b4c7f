"""What django-allauth's pages of second factors and sessions lack here."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.usersessions.internal.flows import sessions
from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from workspaces.access import require_confirmation
from workspaces.account_events import record
from workspaces.audit import Actor, record_event
from workspaces.models import Action, User
from workspaces.views.answers import go_to

View = Callable[..., HttpResponseBase]


def confirmed(view: View) -> View:
    """Ask for a fresh confirmation before one of allauth's views."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        require_confirmation(request)
        return view(request, *args, **options)

    return guarded


def recorded(view: View) -> View:
    """Record that the recovery codes were shown."""

    @wraps(view)
    def watched(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        response = view(request, *args, **options)
        if response.status_code == 200 and isinstance(request.user, User):
            record(Action.RECOVERY_CODES_SHOWN, request, request.user)
        return response

    return watched


@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign out one of the person's own sessions, wherever it is."""
    session = get_object_or_404(UserSession, pk=session_id, user_id=request.user.pk)
    was_current = session.is_current()
    _record(request, session)
    sessions.end_sessions(request, [session])
    return go_to(request, reverse("account_login" if was_current else "usersessions_list"), "That session is ended.")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out all of the person's sessions but this one."""
    others = [session for session in UserSession.objects.filter(user_id=request.user.pk) if not session.is_current()]
    for session in others:
        _record(request, session)
    sessions.end_sessions(request, others)
    return go_to(request, reverse("usersessions_list"), "All other sessions are ended.")


def _record(request: HttpRequest, session: UserSession) -> None:
    subject = (str(session.pk), f"{session.ip}, {session.user_agent}")
    record_event(Action.SESSION_ENDED, Actor.of(request), subject=subject)
