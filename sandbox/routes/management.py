"""Key management, `/api/v1/api-keys`: session tokens only, not rate limited (no figure is documented)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.auth import api_keys
from sandbox.auth.authentication import Principal
from sandbox.db.column_types import utc_now
from sandbox.db.tables import ApiKey, Organization, RequestLog
from sandbox.errors import ApiError, not_found
from sandbox.schemas import CreatedKey, CreateKey, KeyRow, Outcome, RequestRow
from sandbox.seed import API_ACCESS

from .dependencies import Sandbox, SignedIn
from .refusals import MANAGEMENT

router = APIRouter(prefix="/api/v1/api-keys", tags=["API key management"], responses=MANAGEMENT)


@router.post("")
def create(caller: SignedIn, sandbox: Sandbox, response: Response, body: CreateKey | None = None) -> CreatedKey:
    """Issue a key. The secret is in this answer and never again."""
    name, expires_at = (body.name, body.expires_at) if body else (None, None)
    with sandbox.store.session() as session:
        _demand_api_access(session, caller)
        secret, key = api_keys.issue_key(session, caller.user_id, caller.organization_id, name, expires_at)
    response.headers["Cache-Control"] = "no-store"
    return CreatedKey(api_key=secret, created_at=key.created_at, expires_at=key.expires_at)


@router.get("")
def list_keys(caller: SignedIn, sandbox: Sandbox) -> list[KeyRow]:
    """List the caller's keys, active and inactive, newest first."""
    sandbox.request_log.flush()
    now = utc_now()
    with sandbox.store.reading() as session:
        _demand_api_access(session, caller)
        mine = api_keys.list_keys(session, caller.user_id, caller.organization_id)
    return [_row(key, is_active=key.is_active(now)) for key in mine]


@router.post("/revoke-all")
def revoke_all(caller: SignedIn, sandbox: Sandbox) -> Outcome:
    """Revoke every active key of the caller."""
    with sandbox.store.session() as session:
        count = api_keys.revoke_all_keys(session, caller.user_id, caller.organization_id)
    return Outcome(success=True, message=f"{count} API key(s) revoked successfully")


@router.post("/{key_id}/revoke")
def revoke(key_id: UUID, caller: SignedIn, sandbox: Sandbox) -> Outcome:
    """Revoke one key for good.

    Revoking it again is undocumented upstream; here it succeeds and says so, because the caller's wish holds
    and a retry after a lost answer must not look like a failure.
    """
    with sandbox.store.session() as session:
        key = _own_key(session, caller, key_id)
        if key.revoked_at is not None:
            return Outcome(success=True, message="API key was already revoked")
        key.revoked_at = utc_now()
    return Outcome(success=True, message="API key revoked successfully")


@router.get("/{key_id}/requests")
def requests(
    key_id: UUID, caller: SignedIn, sandbox: Sandbox, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[RequestRow]:
    """Return a key's latest requests, newest first."""
    sandbox.request_log.flush()
    newest = select(RequestLog).filter_by(key_id=str(key_id))
    newest = newest.order_by(RequestLog.created_at.desc(), RequestLog.sequence.desc()).limit(limit)
    with sandbox.store.reading() as session:
        _own_key(session, caller, key_id)
        rows = session.scalars(newest).all()
    return [RequestRow.model_validate(row, from_attributes=True) for row in rows]


def _row(key: ApiKey, *, is_active: bool) -> KeyRow:
    shown = {name: getattr(key, name) for name in KeyRow.model_fields if name != "is_active"}
    return KeyRow(**shown, is_active=is_active)


def _own_key(session: Session, caller: Principal, key_id: UUID) -> ApiKey:
    key = session.get(ApiKey, str(key_id))
    if key is None or (key.user_id, key.organization_id) != (caller.user_id, caller.organization_id):
        raise not_found("API key not found")
    return key


def _demand_api_access(session: Session, caller: Principal) -> None:
    organization = session.get_one(Organization, caller.organization_id)
    if API_ACCESS not in organization.features:
        raise ApiError(
            403, "feature_gated", "Your plan does not include API access (API_ACCESS). Upgrade it in billing."
        )
