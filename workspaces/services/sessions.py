"""Where people are signed in, and ending that; django-allauth's table lists the sessions by the hashes of their ids."""

from collections.abc import Iterable
from datetime import UTC, datetime

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from workspaces import rights
from workspaces.accounts.sessions import BEGAN, SessionStore, stored_key
from workspaces.accounts.user_agents import browser_in_words
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Limits, SessionLimits, User

LONGEST_AGENT = 200


def enlist(request: HttpRequest, user: User) -> None:
    """List the session of this request, whose id is new after a sign-in or a change of password."""
    facts = {
        "user": user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": request.headers.get("User-Agent", "")[:LONGEST_AGENT],
        "created_at": datetime.fromtimestamp(request.session[BEGAN], UTC),
    }
    UserSession.objects.update_or_create(session_key=stored_key(request.session.session_key or ""), defaults=facts)


def sessions_of(user: User) -> list[UserSession]:
    """Return where ``user`` is signed in now, the oldest first."""
    signs = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    rows = list(UserSession.objects.filter(user=user).order_by("created_at"))
    live = Session.objects.filter(pk__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    # After a change of password by command the rows are left, but their sessions no longer open anything.
    good = {one.pk for one in live if SessionStore().decode(one.session_data).get(HASH_SESSION_KEY) in signs}
    return [row for row in rows if row.session_key in good]


def is_current(session: SessionBase, row: UserSession) -> bool:
    """Return whether ``row`` lists this very session."""
    return bool(row.session_key == stored_key(session.session_key or ""))


def in_words(row: UserSession) -> str:
    """Name a session by its browser and address."""
    return f"{browser_in_words(row.user_agent)} from {row.ip}"


def end(rows: Iterable[UserSession]) -> int:
    """End the sessions that ``rows`` list; return how many of them there still were."""
    keys = [row.session_key for row in rows]
    ended, _ = Session.objects.filter(pk__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return ended


def end_sessions(user: User, *, but: SessionBase | None = None) -> int:
    """Sign ``user`` out everywhere, or everywhere ``but`` here; return how many sessions that ended."""
    rows = UserSession.objects.filter(user=user)
    return end(row for row in rows if but is None or not is_current(but, row))


def sign_out(user: User, actor: Actor) -> None:
    """Sign ``user`` out everywhere on behalf of a site admin."""
    count = end_sessions(user)
    words = "1 session" if count == 1 else f"{count:,} sessions"
    record_event(
        Action.SESSION_ENDED, actor, subject=(str(user.pk), user.email), message=f"Signed out everywhere: {words}."
    )


def set_limits(limits: Limits, actor: Actor, session: SessionStore) -> int:
    """Have sessions end by ``limits``, ``session`` from now on and all others at once; return how many those were.

    Raises PermissionDenied for who is no site admin any more.
    """
    with transaction.atomic():
        rights.require_site_admin(actor)
        SessionLimits.objects.update_or_create(
            pk=1, defaults={"idle_minutes": limits.idle_minutes, "hours": limits.hours}
        )
        session.limit(limits)
        count = end(row for row in UserSession.objects.all() if not is_current(session, row))
        words = f"{limits.idle_minutes:,} minutes without activity, {limits.hours:,} hours in all."
        record_event(Action.SESSION_LIMITS_CHANGED, actor, message=words, ended=count)
    return count
