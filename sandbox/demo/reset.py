"""Puts the demo's keys back as they were installed; requests, workflows and deliveries of the past stay."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.db.tables import ApiKey
from sandbox.seed import ORGANIZATION_ID

from .demo_keys import DEMO_KEYS


@dataclass(frozen=True, slots=True)
class KeyReset:
    """How many of the demo's keys are active again, and how many others were revoked."""

    restored: int
    revoked: int


def reset_keys(session: Session, seed: int | None, now: dt.datetime, keep: Collection[str]) -> KeyReset:
    """Restore the demo's keys, their expiry counted from `now`, and revoke all others but those to `keep`.

    `seed` is that of the installed past, None without one.
    """
    demo_keys = {} if seed is None else {demo_key.key_id(seed): demo_key for demo_key in DEMO_KEYS}
    restored = revoked = 0
    for key in session.scalars(select(ApiKey).filter_by(organization_id=ORGANIZATION_ID)):
        demo_key = demo_keys.get(key.id)
        if demo_key is not None:
            key.name = demo_key.name
            key.expires_at = None if demo_key.expires is None else now - dt.timedelta(days=demo_key.expires)
            if demo_key.revoked is None and key.revoked_at is not None:
                key.revoked_at = None
                restored += 1
        elif key.id not in keep and key.revoked_at is None:
            key.revoked_at = now
            revoked += 1
    return KeyReset(restored, revoked)
