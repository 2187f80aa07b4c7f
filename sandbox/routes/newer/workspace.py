"""Who is calling, with which keys, credits and calls so far."""

from typing import Annotated, Any, Literal, cast

from fastapi import Query
from sqlalchemy import bindparam, select

from sandbox.auth import api_keys
from sandbox.auth.authentication import Principal
from sandbox.credits import ledger, quotes
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.tables import ApiKey, Organization
from sandbox.envelope import now_ms
from sandbox.request_log import create_report
from sandbox.routes.dependencies import Caller, CreditsReader, KeyAdministrator, Sandbox
from sandbox.schemas import (
    BalanceV2,
    Estimate,
    EstimateRequest,
    LightKey,
    LightKeysV2,
    LightKeyV2,
    Usage,
    Whoami,
)

from .shared import SharedRoutes

# Columns rather than an object, as for authentication.
_ORGANIZATION = select(Organization.id, Organization.name, Organization.tier, Organization.features).where(
    Organization.id == bindparam("id")
)

shared, only_v1, only_v2 = SharedRoutes(), SharedRoutes(), SharedRoutes()


@shared.get("/whoami")
async def whoami(caller: Caller, sandbox: Sandbox) -> Whoami:
    """Return the caller's identity, scopes, plan and features. An API key sees the e-mail masked."""
    organization = sandbox.store.look_up_one(_ORGANIZATION, {"id": caller.organization_id})
    email = mask(caller.user_email) if caller.auth_type == "api_key" else caller.user_email
    return Whoami(
        user_email=email or None,
        user_id=caller.user_id,
        user_name=caller.user_name or None,
        organization_id=organization.id,
        organization_name=organization.name or None,
        auth_type=caller.auth_type,
        scopes=list(caller.scopes),
        tier=cast("Any", organization.tier),  # checked on the way in, and again by the model
        features=sorted(organization.features),
        timestamp_ms=now_ms(),
    )


@shared.post("/credits/estimate")
def estimate(caller: CreditsReader, sandbox: Sandbox, body: EstimateRequest) -> Estimate:
    """Price an operation and sign a quote that holds for five minutes."""
    with sandbox.store.session() as session:
        return quotes.create_quote(session, caller, body, sandbox.data_dir.quote_secret)


@shared.get("/usage")
def usage_report(
    caller: KeyAdministrator,
    sandbox: Sandbox,
    days: Annotated[int, Query(ge=1, le=365)] = 7,
    group_by: Literal["tool", "key", "day", "error"] = "tool",
) -> Usage:
    """Aggregate the organization's request log. `credits_spent` is always 0.0, as it is upstream."""
    sandbox.request_log.flush()
    with sandbox.store.reading() as session:
        return create_report(session, caller.organization_id, days, group_by)


@only_v2.get("/credits/balance")
async def balance(caller: CreditsReader, sandbox: Sandbox) -> BalanceV2:
    """Return the organization's spendable credits, whole."""
    credits_now = int(sandbox.store.look_up_one(ledger.BALANCE, {"id": caller.organization_id}).credits)
    return BalanceV2(
        organization_id=caller.organization_id,
        credits=credits_now,
        timestamp_ms=now_ms(),
        agent_instructions=f"You have {credits_now:,} credits remaining.",
    )


@only_v1.get("/api-keys")
def list_keys(caller: KeyAdministrator, sandbox: Sandbox) -> list[LightKey]:
    """List the caller's keys in their lighter shape."""
    return [LightKey(**_light(key)) for key in _keys_of(caller, sandbox)]


@only_v2.get("/api-keys")
def list_keys_v2(caller: KeyAdministrator, sandbox: Sandbox) -> LightKeysV2:
    """List the caller's keys; each carries the caller's scopes, which are granted per user."""
    return LightKeysV2(
        keys=[
            LightKeyV2(
                **_light(key),
                name=key.name,
                scopes=list(caller.scopes),
                created_at=f"{key.created_at:%Y-%m-%d %H:%M:%S}",
                last_used_at=f"{key.last_used_at:%Y-%m-%d %H:%M:%S}" if key.last_used_at else None,
            )
            for key in _keys_of(caller, sandbox)
        ]
    )


def mask(email: str) -> str:
    """Return `j***@acme.io` for an address, so that a leaked key does not reveal its owner."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}***{at}{domain}" if at else ""


def _keys_of(caller: Principal, sandbox: Sandbox) -> list[ApiKey]:
    sandbox.request_log.flush()
    with sandbox.store.reading() as session:
        return api_keys.list_keys(session, caller.user_id, caller.organization_id)


def _light(key: ApiKey) -> JsonObject:
    return {
        "key_id": key.id,
        "key_prefix": key.key_prefix,
        "key_last4": key.key_last4,
        "is_active": key.is_active(utc_now()),
    }
