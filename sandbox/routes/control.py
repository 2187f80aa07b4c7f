"""The control surface for tests and demonstrations: loopback only, guarded by the data directory's token."""

import datetime as dt
import ipaddress
import secrets
from decimal import Decimal
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Header, Request
from pydantic import AwareDatetime, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sandbox import scenarios
from sandbox.agents import runs
from sandbox.bodies import Body, Count, Text
from sandbox.credits import ledger
from sandbox.db.agent_tables import Connection
from sandbox.db.column_types import utc_now
from sandbox.db.lead_tables import LeadList
from sandbox.db.tables import ApiKey, Organization, RequestLog, User
from sandbox.demo import installer
from sandbox.errors import ApiError, not_found
from sandbox.http.faults import CONTROL_PREFIX, Fault
from sandbox.request_log import MAX_TEXT, LoggedRequest, write_rows
from sandbox.seed import ALL_SCOPES, INITIAL_CREDITS, ORGANIZATION_ID, Scope
from sandbox.sync.destinations import ConnectionState

from .dependencies import Sandbox, get_services
from .refusals import CONTROL

BATCH = 1000


async def guard(request: Request, x_sandbox_control: Annotated[str, Header()] = "") -> None:
    """Refuse other machines and callers without the token. Raises `ApiError` 403 or 401."""
    peer = request.client.host if request.client else ""
    if not _is_loopback(peer):
        raise ApiError(403, "forbidden", "The control surface answers loopback peers only.")
    expected = (await get_services(request)).data_dir.control_token
    if not secrets.compare_digest(expected.encode(), x_sandbox_control.encode()):
        raise ApiError(401, "invalid_token", "X-Sandbox-Control must carry the token of the data directory.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


router = APIRouter(prefix=CONTROL_PREFIX, tags=["Sandbox control"], dependencies=[Depends(guard)], responses=CONTROL)


class SetCredits(Body):
    """The balance an organization shall have."""

    organization_id: Text
    credits: Decimal = Field(ge=0, le=1_000_000_000, decimal_places=4)


@router.post("/credits")
def set_credits(body: SetCredits, sandbox: Sandbox) -> dict[str, object]:
    """Set a balance; the ledger keeps the change."""
    with sandbox.store.session() as session:
        _organization(session, body.organization_id)
        credits_now = ledger.set_balance(session, body.organization_id, body.credits)
    return {"organization_id": body.organization_id, "credits": float(credits_now)}


class Reset(Body):
    """The organization to reset, which has to be the demo's, and the balance it shall have then.

    With `everything`, it loses lists, leads, workflows, requests and the ledger's past, too.
    """

    organization_id: Text = ORGANIZATION_ID
    credits: Decimal = Field(default=INITIAL_CREDITS, ge=0, le=1_000_000_000, decimal_places=4)
    everything: bool = Field(default=False, strict=True)


@router.post("/reset")
def reset(sandbox: Sandbox, body: Reset | None = None) -> dict[str, object]:
    """Put the scenario `normal` in force, and set the balance; with `everything` nothing is left of what was done."""
    body = body or Reset()
    if body.organization_id != ORGANIZATION_ID:
        raise not_found("This organization is not the demo's.")
    if body.everything and installer.installed_seed(sandbox.store) is not None:
        raise ApiError(409, "conflict", "A sandbox with demo traffic keeps its past.", "Start one without --traffic.")
    scenarios.apply(sandbox, scenarios.NORMAL, body.credits, emptied=body.everything)
    return {"organization_id": body.organization_id, "credits": float(body.credits)}


class AppendRequests(Body):
    """Log rows to append, spread evenly from `since` to `until` (both now by default)."""

    key_id: Text
    count: Count = Field(ge=1, le=100_000)
    method: Text = Field("GET", max_length=20)
    path: Text = Field("/api/v1/public/credits/balance", max_length=MAX_TEXT)
    status_code: Count = Field(200, ge=100, le=599)
    duration_ms: Count = Field(42, ge=0, le=3_600_000)
    ip_address: Text | None = Field("203.0.113.42", max_length=100)
    user_agent: Text | None = Field("python-requests/2.32.0", max_length=MAX_TEXT)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def timestamps(self) -> list[dt.datetime]:
        """Return one time per row, oldest first."""
        until = self.until or utc_now()
        since = self.since or until
        step = (until - since) / max(1, self.count - 1)
        return [since + step * number for number in range(self.count)]


@router.post("/requests")
def append_requests(body: AppendRequests, sandbox: Sandbox) -> dict[str, object]:
    """Append rows to a key's request log, as if it had been used."""
    with sandbox.store.reading() as session:
        key = session.get(ApiKey, body.key_id)
    if key is None:
        raise not_found("No API key has this ID.")
    same = body.model_dump(include={"method", "path", "status_code", "duration_ms", "ip_address", "user_agent"})
    rows = [
        LoggedRequest(key_id=key.id, organization_id=key.organization_id, created_at=timestamp, **same).as_row()
        for timestamp in body.timestamps()
    ]
    for start in range(0, len(rows), BATCH):
        write_rows(sandbox.store, rows[start : start + BATCH])
    return {"key_id": key.id, "appended": len(rows)}


@router.post("/faults")
async def add_fault(fault: Fault, sandbox: Sandbox) -> dict[str, object]:
    """Put a fault in force, behind those already there."""
    sandbox.faults.active.append(fault)
    return {"active": sandbox.faults.active}


@router.get("/faults")
async def list_faults(sandbox: Sandbox) -> dict[str, object]:
    """Return the faults in force."""
    return {"active": sandbox.faults.active}


@router.delete("/faults")
async def clear_faults(sandbox: Sandbox) -> dict[str, object]:
    """End every fault."""
    sandbox.faults.active.clear()
    return {"active": []}


class ChangeLimits(Body):
    """Requests a minute, of each organization at an endpoint and of each key; 0 turns a limit off.

    What is left out stays as it is.
    """

    organization: Count | None = Field(None, ge=0, le=1_000_000)
    key: Count | None = Field(None, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.organization is None and self.key is None:
            raise ValueError("organization, key or both are needed")
        return self


@router.post("/limits")
async def change_limits(body: ChangeLimits, sandbox: Sandbox) -> dict[str, object]:
    """Set the rate limits until the next start, and forget the calls that were counted."""
    limits = sandbox.limits
    limits.organization = limits.organization if body.organization is None else body.organization
    limits.key = limits.key if body.key is None else body.key
    sandbox.windows.clear()
    return {"organization": limits.organization, "key": limits.key}


@router.get("/scenarios")
def list_scenarios(sandbox: Sandbox) -> dict[str, object]:
    """Return which scenario is in force, and what each does."""
    about = {name: scenario.about for name, scenario in scenarios.SCENARIOS.items()}
    with sandbox.store.reading() as session:
        return {"in_force": scenarios.in_force(session), "scenarios": about}


@router.post("/scenarios/{name}")
def apply_scenario(name: scenarios.ScenarioName, sandbox: Sandbox) -> dict[str, str]:
    """Put a scenario in force, in place of everything that was set before; lists, leads and the ledger stay."""
    scenarios.apply(sandbox, name)
    return {"scenario": name, "about": scenarios.SCENARIOS[name].about}


class ChangePlan(Body):
    """What shall change; `scopes` goes to one user, or to all of the organization without `user_id`."""

    organization_id: Text
    tier: Literal["free", "starter", "pro", "enterprise"] | None = None
    features: list[Annotated[Text, Field(max_length=100)]] | None = Field(None, max_length=100)
    scopes: list[Scope] | None = Field(None, max_length=len(ALL_SCOPES))
    user_id: Text | None = None


@router.post("/plan")
def change_plan(body: ChangePlan, sandbox: Sandbox) -> dict[str, object]:
    """Change an organization's tier and features, and its users' scopes."""
    with sandbox.store.session() as session:
        organization = _organization(session, body.organization_id)
        if body.tier is not None:
            organization.tier = body.tier
        if body.features is not None:
            organization.features = list(body.features)
        if body.scopes is not None:
            _grant_scopes(session, body)
        return _describe(session, organization)


def _grant_scopes(session: Session, body: ChangePlan) -> None:
    query = select(User).filter_by(organization_id=body.organization_id)
    users = session.scalars(query.filter_by(id=body.user_id) if body.user_id else query).all()
    if not users:
        raise not_found("No user of this organization has this ID.")
    for user in users:
        user.scopes = [scope for scope in ALL_SCOPES if scope in (body.scopes or [])]


class ChangeConnection(Body):
    """How a connection shall be: an expired one fails every row of a sync, a missing one the call."""

    organization_id: Text
    provider: Literal["hubspot", "salesforce", "mailchimp", "lemlist", "smartlead"]
    state: ConnectionState


@router.post("/connections")
def change_connection(body: ChangeConnection, sandbox: Sandbox) -> dict[str, object]:
    """Break or mend an organization's connection to a CRM or a sequencer."""
    with sandbox.store.session() as session:
        _organization(session, body.organization_id)
        session.merge(Connection(**body.model_dump()))
    return body.model_dump()


class HoldAgents(Body):
    """Whether smart agents shall stay pending."""

    held: bool = Field(strict=True)


@router.post("/smart-agents")
def hold_agents(body: HoldAgents, sandbox: Sandbox) -> dict[str, object]:
    """Let the smart agents that run wait, as behind a full queue, or go on and finish."""
    with sandbox.store.session() as session:
        return {"held": body.held, "open": runs.hold(session, held=body.held)}


@router.get("/state")
def state(sandbox: Sandbox) -> dict[str, object]:
    """Describe everything that tests need to know; no secrets."""
    sandbox.request_log.flush()
    with sandbox.store.reading() as session:
        organizations = session.scalars(select(Organization).order_by(Organization.created_at)).all()
        logged = session.scalar(select(func.count()).select_from(RequestLog))
        described = [_describe(session, organization) for organization in organizations]
        in_force = scenarios.in_force(session)
    return {
        "scenario": in_force,
        "organizations": described,
        "logged_requests": logged,
        "faults": sandbox.faults.active,
    }


def _describe(session: Session, organization: Organization) -> dict[str, object]:
    users = session.scalars(select(User).filter_by(organization_id=organization.id))
    owned = session.scalars(select(ApiKey).filter_by(organization_id=organization.id))
    lists = session.scalars(select(LeadList).filter_by(organization_id=organization.id))
    return {
        "organization_id": organization.id,
        "name": organization.name,
        "tier": organization.tier,
        "features": organization.features,
        "credits": float(organization.credits),
        "users": [{"user_id": user.id, "name": user.name, "scopes": user.scopes} for user in users],
        "keys": [_describe_key(key) for key in owned],
        "lead_lists": [{"lead_list_id": found.id, "name": found.name} for found in lists],
    }


def _describe_key(key: ApiKey) -> dict[str, object]:
    return {
        "key_id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "key_prefix": key.key_prefix,
        "key_last4": key.key_last4,
        "request_count": key.request_count,
        "is_active": key.is_active(utc_now()),
    }


def _organization(session: Session, organization_id: str) -> Organization:
    organization = session.get(Organization, organization_id)
    if organization is None:
        raise not_found("No organization has this ID.")
    return organization
