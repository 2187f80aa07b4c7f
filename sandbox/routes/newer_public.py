"""The newer public endpoints, on `/api/v1/public` and on `/api/v2`; refusals are `{"error": {…}}`."""

import time
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from sandbox.auth import api_keys
from sandbox.auth.authentication import Principal
from sandbox.credits import ledger, pricing
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.tables import ApiKey, Organization, Workflow
from sandbox.enrichment import contact_directory, workflows
from sandbox.errors import ApiError, not_found
from sandbox.request_log import create_report
from sandbox.schemas import (
    BalanceV2,
    Estimate,
    EstimateRequest,
    LightKey,
    LightKeysV2,
    LightKeyV2,
    PersonAccepted,
    PersonRequest,
    Usage,
    Whoami,
)

from .dependencies import Caller, CreditsReader, Enricher, EnrichmentReader, KeyAdministrator, Sandbox
from .refusals import NEWER_PUBLIC

shared = APIRouter()
public = APIRouter(prefix="/api/v1/public", tags=["Public API"], responses=NEWER_PUBLIC)
v2 = APIRouter(prefix="/api/v2", tags=["Public API v2"], responses=NEWER_PUBLIC)


@shared.get("/whoami")
async def whoami(caller: Caller, sandbox: Sandbox) -> Whoami:
    """Return the caller's identity, scopes, plan and features. An API key sees the e-mail masked."""
    with sandbox.store.reading() as session:
        organization = session.get_one(Organization, caller.organization_id)
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
        timestamp_ms=_now_ms(),
    )


@shared.post("/credits/estimate")
def estimate(caller: CreditsReader, sandbox: Sandbox, body: EstimateRequest) -> Estimate:
    """Price an operation and sign a quote that holds for five minutes."""
    with sandbox.store.session() as session:
        priced = pricing.create_quote(session, caller.organization_id, body, sandbox.data_dir.quote_secret)
    return Estimate(**priced)


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


@shared.post("/enrichment/person")
def enrich_person(caller: Enricher, sandbox: Sandbox, body: PersonRequest) -> PersonAccepted:
    """Start the enrichment of one person; poll `poll_url` for the result."""
    if not body.can_be_identified:
        raise ApiError(
            400,
            "validation_error",
            "The person cannot be identified.",
            "Send email, linkedin_url, person_id, or first_name + last_name + (company_name or domain).",
        )
    with sandbox.store.session() as session:
        workflow = _submit(session, caller, body, sandbox.settings.enrichment_pace)
    path = f"/api/v1/public/enrichment/status/{workflow.id}"
    return PersonAccepted(
        workflow_id=workflow.id,
        credits_reserved=int(workflow.reserved),
        lead_list_id=workflow.lead_list_id or "",
        poll_url=sandbox.settings.public_url + path,
        timestamp_ms=_now_ms(),
    )


def _submit(session: Session, caller: Principal, body: PersonRequest, pace: float) -> Workflow:
    """Results land in the DEFAULT list, the only one there is; its name is taken for its id."""
    default = workflows.default_list(session, caller.organization_id)
    if body.lead_list_id not in {default.id, default.name}:
        raise not_found("No lead list has this id.")
    if body.quote_id is not None:
        pricing.redeem_quote(session, caller.organization_id, body.quote_id, contact_directory.highest_cost(body.scope))
    person = body.model_dump(exclude_none=True, include=set(_PERSON_FIELDS))
    try:
        return workflows.submit(
            session,
            principal_user_id=caller.user_id,
            organization_id=caller.organization_id,
            api_key_id=caller.api_key_id,
            enrichment_type=body.scope,
            contacts=[{_PERSON_FIELDS[name]: value for name, value in person.items()}],
            webhook_url=None,
            kind="person",
            run_time=workflows.DEFAULT_RUN_TIME.times(pace),
        )
    except ledger.InsufficientCredits as short:
        raise _insufficient_credits(short) from short


_PERSON_FIELDS = {
    **{name: name for name in ("email", "linkedin_url", "phone", "first_name", "last_name", "company_name")},
    "domain": "company_domain",
    "person_id": "person_id",
}


@shared.get("/enrichment/status/{workflow_id}")
def enrichment_status(caller: EnrichmentReader, sandbox: Sandbox, workflow_id: str) -> JsonObject:
    """Return status, progress and settled cost of a workflow."""
    with sandbox.store.reading() as session:
        workflow = session.get(Workflow, workflow_id)
        if workflow is None or workflow.organization_id != caller.organization_id:
            raise not_found("No workflow has this id.")
        return workflows.workflow_payload(session, workflow)


@v2.get("/credits/balance")
async def balance(caller: CreditsReader, sandbox: Sandbox) -> BalanceV2:
    """Return the organization's spendable credits, whole."""
    with sandbox.store.reading() as session:
        credits_now = int(ledger.balance(session, caller.organization_id))
    return BalanceV2(
        organization_id=caller.organization_id,
        credits=credits_now,
        timestamp_ms=_now_ms(),
        agent_instructions=f"You have {credits_now:,} credits remaining.",
    )


@public.get("/api-keys")
def list_keys(caller: KeyAdministrator, sandbox: Sandbox) -> list[LightKey]:
    """List the caller's keys in their lighter shape."""
    return [LightKey(**_light(key)) for key in _keys_of(caller, sandbox)]


@v2.get("/api-keys")
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


def _insufficient_credits(short: ledger.InsufficientCredits) -> ApiError:
    return ApiError(
        400,
        "insufficient_credits",
        f"This call requires {short.estimated} credits; the organization has {short.available}.",
        "Top up in billing, or reduce the scope of the call.",
        extra={
            "estimated_cost_credits": _number(short.estimated),
            "available_credits": _number(short.available),
            "shortfall_credits": _number(short.shortfall),
        },
    )


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


public.include_router(shared)
v2.include_router(shared)
