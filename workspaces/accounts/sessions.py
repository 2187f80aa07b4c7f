"""The session store of SESSION_ENGINE. It hashes stored keys, and sessions have an idle limit and an absolute end."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from core.db.batches import delete_in_batches
from workspaces.models import Limits, SessionLimits

# Keys in the session's data: the Unix time of the sign-in, and the limits at that time, in minutes and hours. Changing
# the limits ends all other sessions, so that requests need not look them up.
BEGAN, LIMITS = "began", "limits"
# The precision of the idle limit, so that ten page views a minute cost only one write.
STEP = timedelta(minutes=1)
# The path of the authentication backend in sessions from version 0.2.
_BACKEND_BEFORE = "dashboard.accounts.PasswordBackend"


def stored_key(session_id: str) -> str:
    """Return the hash that is stored instead of a session's key: SHA-256, cut to the length of Django's column.

    It needs neither salt nor stretching, because a key has 165 random bits.
    """
    return hashlib.sha256(session_id.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Stores sessions in the database in such a way that a leaked database opens no session.

    ``session_key`` is the key in the person's cookie. The rows, and django-allauth's list of sessions, hold its hash.
    ``expire_date`` of the row is the idle limit; the absolute end follows from the time of the sign-in.
    """

    # The class keeps Django's name, because the name is part of the salt for signing session data.
    # Django's async methods of db.SessionStore bypass the overrides below; those of SessionBase call them.
    aload, aexists, acreate, asave, adelete = (
        SessionBase.aload,
        SessionBase.aexists,
        SessionBase.acreate,
        SessionBase.asave,
        SessionBase.adelete,
    )
    _row_end: datetime | None = None

    def load(self) -> dict[str, object]:
        """Return the data of the session; if it has ended, return an empty dict and forget the key."""
        key, now = stored_key(self.session_key or ""), timezone.now()
        row = Session.objects.filter(pk=key, expire_date__gt=now).first()
        data = self.decode(row.session_data) if row else {}
        if data.get(BACKEND_SESSION_KEY) == _BACKEND_BEFORE:
            data[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        if row is None or (USER_ID in data and _last_end(data) <= now):
            self._session_key = None
            return {}
        self._row_end = row.expire_date
        return data

    def create_model_instance(self, data: dict[str, object]) -> AbstractBaseSession:
        """Return the row for ``data``, with the hash of the key."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def exists(self, session_key: str) -> bool:
        """Return whether there is a session with this key or hash."""
        return Session.objects.filter(pk__in=(stored_key(session_key), session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        """Delete this session, or another one by its key or hash. Ending sessions remotely needs the hash."""
        keys = {session_key or "", stored_key(session_key or self.session_key or "")}
        Session.objects.filter(pk__in=keys).delete()

    def begin(self) -> None:
        """Start both limits now, because somebody has just signed in."""
        self[BEGAN] = time.time()
        self.limit(SessionLimits.in_force())

    def limit(self, limits: Limits) -> None:
        """Apply ``limits`` to the session."""
        self[LIMITS] = [limits.idle_minutes, limits.hours]
        self._row_end = None

    def touch(self) -> None:
        """Restart the idle limit, because the person is active.

        Writes at most once a minute, and only the expiry date, so that changes by concurrent requests are not lost.
        """
        self.setdefault(BEGAN, time.time())
        due = min(timezone.now() + _idle(self), self.last_end)
        if self._row_end and abs(due - self._row_end) >= STEP:
            self._row_end = due
            Session.objects.filter(pk=stored_key(self.session_key or "")).update(expire_date=due)

    @property
    def last_end(self) -> datetime:
        """The absolute end of the session."""
        return _last_end(self)

    @property
    def ends_at(self) -> datetime:
        """When the session ends if the person does nothing."""
        return min(self._row_end or timezone.now() + _idle(self), self.last_end)

    def get_expiry_date(self, **options: object) -> datetime:
        return self.ends_at if USER_ID in self else super().get_expiry_date(**options)

    def get_expiry_age(self, **options: object) -> int:
        """Return the cookie's lifetime in seconds: until the absolute end, as the server enforces the idle limit."""
        if USER_ID not in self:
            return super().get_expiry_age(**options)
        return max(int((self.last_end - timezone.now()).total_seconds()), 0)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete expired sessions and their entries in the list of sessions."""
        delete_in_batches(Session.objects.filter(expire_date__lt=timezone.now()))
        delete_in_batches(UserSession.objects.exclude(session_key__in=Session.objects.values("pk")))


def session_of(request: HttpRequest) -> SessionStore:
    """Return the session of ``request``; SESSION_ENGINE makes all of them ours."""
    return cast("SessionStore", request.session)


def _limits(data: Any) -> Limits:
    most = SessionLimits.most()
    idle_minutes, hours = data.get(LIMITS, (most.idle_minutes, most.hours))
    return Limits(min(idle_minutes, most.idle_minutes), min(hours, most.hours))


def _idle(data: object) -> timedelta:
    return timedelta(minutes=_limits(data).idle_minutes)


def _last_end(data: Any) -> datetime:
    began = datetime.fromtimestamp(data.get(BEGAN, time.time()), UTC)
    return began + timedelta(hours=_limits(data).hours)
