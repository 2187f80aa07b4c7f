"""Issuing and revoking API keys. The secret is only in the response that issues it."""

import base64
import datetime as dt
import secrets

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from sandbox.db.column_types import utc_now
from sandbox.db.tables import ApiKey
from sandbox.errors import ApiError

from .authentication import KEY_PREFIX
from .session_tokens import hash_secret

# "10 active keys per user" and "48 random URL-safe bytes": the service's authentication page.
MAX_API_KEYS_PER_USER = 10
SECRET_BYTES = 48
PREFIX_LENGTH = 10


def issue_key(
    session: Session, user_id: str, organization_id: str, name: str | None, expires_at: dt.datetime | None
) -> tuple[str, ApiKey]:
    """Create a key and return it with its secret.

    Raises a 400 `ApiError` when the user has 10 active keys. Needs the write session, whose lock keeps two
    concurrent calls from both creating the tenth.
    """
    now = utc_now()
    if count_active_keys(session, user_id, now) >= MAX_API_KEYS_PER_USER:
        raise ApiError(
            400,
            "validation_error",
            f"Maximum active API keys reached ({MAX_API_KEYS_PER_USER}). Revoke an unused key first.",
        )
    secret = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    key = ApiKey(
        user_id=user_id,
        organization_id=organization_id,
        name=name,
        key_hash=hash_secret(secret),
        key_prefix=secret[:PREFIX_LENGTH],
        key_last4=secret[-4:],
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return secret, key


def count_active_keys(session: Session, user_id: str, now: dt.datetime) -> int:
    """Count a user's keys that are neither revoked nor expired at `now`."""
    unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
    query = select(func.count()).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), unexpired)
    return session.scalar(query) or 0


def list_keys(session: Session, user_id: str, organization_id: str) -> list[ApiKey]:
    """Return a user's keys in an organization, active and inactive, newest first."""
    mine = select(ApiKey).filter_by(user_id=user_id, organization_id=organization_id)
    return list(session.scalars(mine.order_by(ApiKey.created_at.desc(), ApiKey.id)))


def revoke_all_keys(session: Session, user_id: str, organization_id: str) -> int:
    """Revoke every active key of a user in an organization; returns their number."""
    now = utc_now()
    active = [key for key in list_keys(session, user_id, organization_id) if key.is_active(now)]
    session.execute(update(ApiKey).where(ApiKey.id.in_([key.id for key in active])).values(revoked_at=now))
    return len(active)
