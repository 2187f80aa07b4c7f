"""Adding leads to a list: by their ids, or all that a search or a page of leads has shown."""

from sqlalchemy.orm import Session

from sandbox.auth.authentication import Principal
from sandbox.db.lead_tables import LeadList
from sandbox.directory import records
from sandbox.directory.world import world
from sandbox.errors import ApiError, not_found

from . import cohorts, idempotency, lead_lists, leads
from .schemas import AddByCohort, AddByLeadIds, AddedLeads

Added = tuple[list[str], int | None]


def add_leads(
    session: Session, caller: Principal, list_id: str, body: AddByLeadIds | AddByCohort, seed: int
) -> AddedLeads:
    """Add what the body names, once for each idempotency key. Raises `ApiError` 400, 404 or 409."""
    lead_list = lead_lists.find_list(session, caller, list_id)
    request = body.model_dump(exclude={"idempotency_key"})
    call = idempotency.Call(caller.organization_id, f"add_leads:{lead_list.id}", body.idempotency_key, request)
    earlier = idempotency.earlier_answer(session, call)
    if earlier is not None:
        return AddedLeads.model_validate(earlier)
    if isinstance(body, AddByLeadIds):
        lead_ids, created = _known_leads(session, caller, body), None
    else:
        lead_ids, created = _cohort_leads(session, caller, body, seed)
    answer = _add(session, lead_list, lead_ids, created)
    idempotency.keep_answer(session, call, answer.model_dump(mode="json"))
    return answer


def _add(session: Session, lead_list: LeadList, lead_ids: list[str], created: int | None) -> AddedLeads:
    added = leads.add_members(session, lead_list, lead_ids)
    return AddedLeads(list_id=lead_list.id, added=added, skipped_duplicates=len(lead_ids) - added, created=created)


def _known_leads(session: Session, caller: Principal, body: AddByLeadIds) -> list[str]:
    asked = list(dict.fromkeys(body.lead_ids))
    found = [lead.id for lead in leads.leads_by_id(session, caller.organization_id, asked)]
    if len(found) < len(asked):
        raise not_found(f"{len(asked) - len(found)} of the lead_ids do not exist.")
    return found


def _cohort_leads(session: Session, caller: Principal, body: AddByCohort, seed: int) -> Added:
    cohort = cohorts.find_cohort(session, caller.organization_id, body.task_id)
    entity_ids = cohorts.members(cohort, body.entity_ids)
    if cohort.kind == "leads":
        known = leads.leads_by_id(session, caller.organization_id, entity_ids)
        return [lead.id for lead in known], 0
    if cohort.kind == "companies":
        raise ApiError(400, "validation_error", "Companies cannot be added to a lead list.", "Search people.")
    people = filter(None, map(world(seed).person_by_id, entity_ids))
    kept = [
        leads.keep_lead(session, caller.organization_id, records.as_contact(each), enriched=False) for each in people
    ]
    return [lead.id for lead, _ in kept], sum(new for _, new in kept)
