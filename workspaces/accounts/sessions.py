"""The session store of SESSION_ENGINE: ids are hashed at rest; sessions have an idle limit and an absolute end."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from core.db.batches import delete_in_batches
from workspaces.models import Limits, SessionLimits

# In the session's data: when the person signed in, in seconds since 1970, and the limits that held then, in minutes
# and hours. Whoever changes them ends all other sessions, so that no request has to look them up.
BEGAN, LIMITS = "began", "limits"
# How exact the idle limit is, so that reading ten pages a minute writes once.
STEP = timedelta(minutes=1)
# Each session names the class by which somebody signed in; here version 0.2 had it.
_BACKEND_BEFORE = "dashboard.accounts.PasswordBackend"


def stored_key(session_id: str) -> str:
    """Return what the database keeps in place of a session's id: as much of its SHA-256 as Django's column holds.

    Neither salted nor stretched: an id is 165 random bits, which nobody finds by trying.
    """
    return hashlib.sha256(session_id.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Sessions in the database, which does not hold what would open them.

    ``session_key`` is the id in the person's cookie. Rows, and django-allauth's list of sessions, have its hash.
    The idle limit is the row's ``expire_date``, the absolute end follows from the time of the sign-in.
    """

    # The class keeps Django's name, because it is part of the salt that session data is signed with.
    # Django's own async versions go past what is overridden here; these call it.
    aload, aexists, acreate, asave, adelete = (
        SessionBase.aload,
        SessionBase.aexists,
        SessionBase.acreate,
        SessionBase.asave,
        SessionBase.adelete,
    )
    _row_end: datetime | None = None

    def load(self) -> dict[str, Any]:
        """Return the data of a session that goes on, else nothing and forget the id."""
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

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """Return the row that keeps ``data``, under the hash of the id."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def exists(self, session_key: str) -> bool:
        """Return whether there is such a session, by id or by what is stored of it."""
        return Session.objects.filter(pk__in=(stored_key(session_key), session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        """End this session, or another one by its id or by what is stored of it, as remote sign-out has to."""
        keys = {session_key or "", stored_key(session_key or self.session_key or "")}
        Session.objects.filter(pk__in=keys).delete()

    def begin(self) -> None:
        """Count both limits from now, because somebody has just signed in."""
        self[BEGAN] = time.time()
        self.limit(SessionLimits.in_force())

    def limit(self, limits: Limits) -> None:
        """Let the session end by ``limits``."""
        self[LIMITS] = [limits.idle_minutes, limits.hours]
        self._row_end = None

    def touch(self) -> None:
        """Count the idle limit from now, because the person is there.

        Writes once a minute at most, and the end alone: what other requests put into the session meanwhile stays.
        """
        self.setdefault(BEGAN, time.time())
        due = min(timezone.now() + _idle(self), self.last_end)
        if self._row_end and abs(due - self._row_end) >= STEP:
            self._row_end = due
            Session.objects.filter(pk=stored_key(self.session_key or "")).update(expire_date=due)

    @property
    def last_end(self) -> datetime:
        """When the session ends however much it is used."""
        return _last_end(self)

    @property
    def ends_at(self) -> datetime:
        """When the session ends unless the person does something."""
        return min(self._row_end or timezone.now() + _idle(self), self.last_end)

    def get_expiry_date(self, **options: Any) -> datetime:
        """Return until when the row counts."""
        return self.ends_at if USER_ID in self else super().get_expiry_date(**options)

    def get_expiry_age(self, **options: Any) -> int:
        """Return for how many seconds browsers keep the cookie: to the absolute end, since idling is noticed here."""
        if USER_ID not in self:
            return super().get_expiry_age(**options)
        return max(int((self.last_end - timezone.now()).total_seconds()), 0)

    @classmethod
    def clear_expired(cls) -> None:
        """Remove the rows of sessions that are over, and their entries in the list of sessions."""
        delete_in_batches(Session.objects.filter(expire_date__lt=timezone.now()))
        delete_in_batches(UserSession.objects.exclude(session_key__in=Session.objects.values("pk")))


def _limits(data: Any) -> Limits:
    most = SessionLimits.most()
    idle_minutes, hours = data.get(LIMITS, (most.idle_minutes, most.hours))
    return Limits(min(idle_minutes, most.idle_minutes), min(hours, most.hours))


def _idle(data: Any) -> timedelta:
    return timedelta(minutes=_limits(data).idle_minutes)


def _last_end(data: Any) -> datetime:
    began = datetime.fromtimestamp(data.get(BEGAN, time.time()), UTC)
    return began + timedelta(hours=_limits(data).hours)
