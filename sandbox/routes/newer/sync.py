"""Sync of a list to a CRM or a sequencer, with a result for each lead."""

from typing import Literal

from pydantic import BaseModel
from sqlalchemy.orm import Session

from sandbox.auth import plans
from sandbox.auth.authentication import Principal
from sandbox.bodies import Body, Name
from sandbox.credits import quotes
from sandbox.db.agent_tables import Connection
from sandbox.db.lead_tables import Lead
from sandbox.envelope import Envelope
from sandbox.errors import ApiError
from sandbox.lists import lead_lists, leads
from sandbox.routes.dependencies import Sandbox, Syncer
from sandbox.routes.refusals import Refusal, refusals
from sandbox.services import Services
from sandbox.sync.destinations import CRMS, SEQUENCERS, Destination

from .shared import SharedRoutes


class SyncRequest(Body):
    """What both kinds of sync take."""

    list_id: Name
    sub_action: Name | None = None
    quote_id: Name | None = None


class SyncToCrm(SyncRequest):
    """Body of `POST /sync/crm`."""

    provider: Literal["hubspot", "salesforce", "mailchimp"]


class SyncToSequencer(SyncRequest):
    """Body of `POST /sync/sequencer`."""

    provider: Literal["lemlist", "smartlead"]
    campaign_id: Name | None = None


class SyncedRow(BaseModel):
    """What came of one lead; `error` repeats what the destination said."""

    lead_id: str
    status: Literal["done", "failed"]
    external_id: str | None
    error: str | None


class Synced(Envelope):
    """Answer of both kinds of sync."""

    list_id: str
    provider: str
    total: int
    succeeded: int
    skipped: int = 0
    failed: int
    results: list[SyncedRow]
    credits_charged: int = 0


shared = SharedRoutes()

MAX_LEADS = 1_000


@shared.post("/sync/crm", responses=refusals(Refusal, 409))
def sync_to_crm(caller: Syncer, sandbox: Sandbox, body: SyncToCrm) -> Synced:
    """Write a list to a CRM, with a quote for it."""
    return _sync(caller, sandbox, body, CRMS[body.provider], "sync_to_crm")


@shared.post("/sync/sequencer", responses=refusals(Refusal, 409))
def sync_to_sequencer(caller: Syncer, sandbox: Sandbox, body: SyncToSequencer) -> Synced:
    """Write a list to a sequencer, with a quote for it."""
    return _sync(caller, sandbox, body, SEQUENCERS[body.provider], "sync_to_sequencer")


def _sync(caller: Principal, sandbox: Services, body: SyncRequest, destination: Destination, tool: str) -> Synced:
    with sandbox.store.session() as session:
        if tool == plans.SYNC_TO_CRM:
            plans.require_features(session, caller.organization_id, [tool])
        lead_list = lead_lists.find_list(session, caller, body.list_id)
        rows, more = leads.page_of_leads(session, lead_list.id, MAX_LEADS, None)
        if more is not None:
            raise ApiError(400, "validation_error", "The list is too long.", f"Sync at most {MAX_LEADS} leads.")
        if body.quote_id is None:
            raise quotes.quote_required(tool)
        state = _connection(session, caller, destination)
        terms = {"list_id": body.list_id, "provider": destination.name, "sub_action": body.sub_action}
        quotes.redeem(session, caller.organization_id, body.quote_id, tool, 0, **terms)
        results = [_row(lead, destination, state) for lead in rows]
    failed = sum(row.status == "failed" for row in results)
    return Synced(
        list_id=lead_list.id,
        provider=destination.name,
        total=len(results),
        succeeded=len(results) - failed,
        failed=failed,
        results=results,
    )


def _connection(session: Session, caller: Principal, destination: Destination) -> str:
    """Return how the connection is; healthy if nothing else was set. Raises a 400 `ApiError` without one."""
    found = session.get(Connection, (caller.organization_id, destination.name))
    state = found.state if found is not None else "healthy"
    if state == "missing":
        problem = f"{destination.name} is not connected."
        raise ApiError(400, "not_connected", problem, "Connect it under Settings, Integrations.")
    return state


def _row(lead: Lead, destination: Destination, state: str) -> SyncedRow:
    error = destination.refusal(leads.lead_row(lead), state)
    known = None if error else destination.external_id(lead.id)
    return SyncedRow(lead_id=lead.id, status="failed" if error else "done", external_id=known, error=error)
