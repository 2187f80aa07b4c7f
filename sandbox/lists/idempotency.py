"""Answers kept for calls that are sent again with the same idempotency key."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.lead_tables import IdempotencyKey
from sandbox.errors import ApiError

LIFETIME = dt.timedelta(hours=24)
MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be sent again; the `request` of one whose key is refused for another request."""

    organization_id: str
    operation: str
    key: str | None
    request: JsonObject | None = None

    @property
    def row_id(self) -> str:
        """The ID of its row."""
        return _hash([self.organization_id, self.operation, self.key])

    @property
    def request_hash(self) -> str | None:
        """What tells its request from others."""
        return None if self.request is None else _hash(self.request)


def earlier_answer(session: Session, call: Call) -> JsonObject | None:
    """Return what the first call with this key was answered, for 24 hours. Raises a 409 `ApiError`."""
    found = session.get(IdempotencyKey, call.row_id) if call.key is not None else None
    if found is None or found.created_at <= utc_now() - LIFETIME:
        return None
    if None not in {found.request_hash, call.request_hash} and found.request_hash != call.request_hash:
        problem = "The idempotency_key was used for another request."
        raise ApiError(409, "idempotency_key_reused", problem, "Send a new key with each new request.")
    return found.answer


def keep_answer(session: Session, call: Call, answer: JsonObject) -> None:
    """Keep an answer; the write lock, held since before `earlier_answer`, makes the first call win."""
    if call.key is None:
        return
    row_id, organization_id = call.row_id, call.organization_id
    mine = select(IdempotencyKey.id).where(IdempotencyKey.organization_id == organization_id)
    excess = mine.order_by(IdempotencyKey.created_at.desc()).offset(MAX_KEYS)
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(excess) | (IdempotencyKey.id == row_id)))
    kept = IdempotencyKey(id=row_id, organization_id=organization_id, answer=answer, request_hash=call.request_hash)
    session.add(kept)


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
