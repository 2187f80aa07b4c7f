"""Lists and ends people's sessions. In django-allauth's table, ``session_key`` holds the hash of the session's key."""

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

from core.formatting import counted
from workspaces import rights
from workspaces.accounts.sessions import BEGAN, SessionStore, stored_key
from workspaces.accounts.user_agents import browser_in_words
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Limits, SessionLimits, User

LONGEST_AGENT = 200


def enlist(request: HttpRequest, user: User) -> None:
    """Add the session of this request to the list, after a sign-in or a change of password has given it a new key."""
    facts = {
        "user": user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": request.headers.get("User-Agent", "")[:LONGEST_AGENT],
        "created_at": datetime.fromtimestamp(request.session[BEGAN], UTC),
    }
    UserSession.objects.update_or_create(session_key=stored_key(request.session.session_key or ""), defaults=facts)


def sessions_of(user: User) -> list[UserSession]:
    """Return the live sessions of ``user``, oldest first."""
    signs = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    rows = list(UserSession.objects.filter(user=user).order_by("pk"))
    live = Session.objects.filter(pk__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    # Changing a password on the command line leaves the rows in place, but their sessions are no longer valid.
    good = {one.pk for one in live if SessionStore().decode(one.session_data).get(HASH_SESSION_KEY) in signs}
    return [row for row in rows if row.session_key in good]


def is_current(session: SessionBase, row: UserSession) -> bool:
    """Return whether ``row`` is the entry of ``session``."""
    return bool(row.session_key == stored_key(session.session_key or ""))


def in_words(row: UserSession) -> str:
    """Describe a session by its browser and IP address."""
    return f"{browser_in_words(row.user_agent)} from {row.ip}"


def end(rows: Iterable[UserSession]) -> int:
    """End the sessions in ``rows``; return how many of them still existed."""
    keys = [row.session_key for row in rows]
    ended, _ = Session.objects.filter(pk__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return ended


def end_own(rows: Iterable[UserSession], actor: Actor) -> None:
    """End sessions of the actor's own."""
    rows = list(rows)
    with transaction.atomic():
        for row in rows:
            record_event(Action.SESSION_ENDED, actor, subject=(str(row.pk), in_words(row)))
        end(rows)


def end_sessions(user: User, *, but: SessionBase | None = None) -> int:
    """End all sessions of ``user``, except ``but``; return how many ended."""
    rows = UserSession.objects.filter(user=user)
    return end(row for row in rows if but is None or not is_current(but, row))


def sign_out(user: User, actor: Actor) -> None:
    """Sign ``user`` out everywhere on behalf of a site admin."""
    ended = counted(end_sessions(user), "session")
    record_event(
        Action.SESSION_ENDED, actor, subject=(str(user.pk), user.email), message=f"Signed out everywhere: {ended}."
    )


def set_limits(limits: Limits, actor: Actor, session: SessionStore) -> int:
    """Store new session limits, apply them to ``session``, and end all other sessions; return how many ended.

    Raises PermissionDenied if the actor is no longer a site admin.
    """
    with transaction.atomic():
        rights.require_site_admin(actor)
        SessionLimits.objects.update_or_create(
            pk=1, defaults={"idle_minutes": limits.idle_minutes, "hours": limits.hours}
        )
        session.limit(limits)
        count = end(row for row in UserSession.objects.all() if not is_current(session, row))
        words = f"{limits.idle_minutes:,} minutes without activity, {limits.hours:,} hours in total."
        record_event(Action.SESSION_LIMITS_CHANGED, actor, message=words, ended=count)
    return count
