"""Enrichment of persons, companies, cohorts and lists, and its status."""

from sqlalchemy.orm import Session

from sandbox.auth import plans
from sandbox.auth.authentication import Principal
from sandbox.credits import ledger, pricing, quotes
from sandbox.db.lead_tables import Cohort
from sandbox.db.tables import Workflow
from sandbox.directory import records
from sandbox.directory.world import Company, world
from sandbox.enrichment import workflows
from sandbox.enrichment.cohort_runs import CohortRun
from sandbox.enrichment.schemas import (
    ByTaskAccepted,
    ByTaskRequest,
    CompanyRequest,
    EnrichedCompany,
    ListAccepted,
    ListRequest,
    PersonAccepted,
    PersonRequestV1,
    WorkflowStatus,
)
from sandbox.enrichment.workflows import RunTime
from sandbox.errors import ApiError, not_found
from sandbox.lists import cohorts, lead_lists, leads
from sandbox.routes.dependencies import Enricher, EnrichmentReader, Sandbox
from sandbox.routes.refusals import Refusal, refusals
from sandbox.schemas import PersonRequest
from sandbox.services import Services

from .shared import SharedRoutes

shared, only_v1, only_v2 = SharedRoutes(), SharedRoutes(), SharedRoutes()

STATUS_PATH = "/api/v1/public/enrichment/status/"
USED_QUOTE = refusals(Refusal, 409)
_PERSON_FIELDS = {
    **{name: name for name in ("email", "linkedin_url", "phone", "first_name", "last_name", "company_name")},
    "domain": "company_domain",
    "person_id": "person_id",
}


@only_v2.post("/enrichment/person", responses=USED_QUOTE)
def enrich_person(caller: Enricher, sandbox: Sandbox, body: PersonRequest) -> PersonAccepted:
    """Start the enrichment of one person; poll `poll_url` for the result."""
    return _enrich_person(caller, sandbox, body)


@only_v1.post("/enrichment/person", responses=USED_QUOTE)
def enrich_person_v1(caller: Enricher, sandbox: Sandbox, body: PersonRequestV1) -> PersonAccepted:
    """Start the enrichment of one person; without a list its result is kept in one that no page lists."""
    return _enrich_person(caller, sandbox, body)


def _enrich_person(caller: Principal, sandbox: Services, body: PersonRequest) -> PersonAccepted:
    if not body.can_be_identified:
        raise ApiError(
            400,
            "validation_error",
            "The person cannot be identified.",
            "Send email, linkedin_url, person_id, or first_name + last_name + (company_name or domain).",
        )
    _check_identifiers(body)
    with sandbox.store.session() as session:
        workflow = _submit_person(session, caller, body, _run_time(sandbox))
    return PersonAccepted(
        workflow_id=workflow.id,
        credits_reserved=int(workflow.reserved),
        lead_list_id=workflow.lead_list_id or "",
        poll_url=_poll_url(sandbox, workflow),
    )


def _check_identifiers(body: PersonRequest) -> None:
    """Refuse what can be nobody's, before credits are reserved to look for it."""
    wrong = "linkedin_url" if body.linkedin_url and not leads.is_profile(body.linkedin_url) else None
    if body.email and not _looks_like_email(body.email.strip()):
        wrong = "email"
    if wrong is not None:
        fix = "Send an address such as linkedin.com/in/name or name@example.com."
        raise ApiError(400, "validation_error", f"{wrong} is malformed.", fix)


def _looks_like_email(text: str) -> bool:
    name, _, domain = text.partition("@")
    return bool(name and domain) and "@" not in domain and len(text.split()) == 1


def _submit_person(session: Session, caller: Principal, body: PersonRequest, run_time: RunTime) -> Workflow:
    plans.require_features(session, caller.organization_id, plans.ENRICHMENT_FEATURES[body.scope])
    if body.quote_id is not None:
        cost = pricing.ENRICHMENT_COST[body.scope]
        quotes.redeem(session, caller.organization_id, body.quote_id, "enrich_person", cost, scope=body.scope)
    if "lead_list_id" in body.model_fields_set:
        lead_list = lead_lists.find_target(session, caller, body.lead_list_id)
    else:
        scratch = lead_lists.SCRATCH
        lead_list = lead_lists.automatic_list(session, caller.organization_id, caller.user_id, scratch)
    person = body.model_dump(exclude_none=True, include=set(_PERSON_FIELDS))
    return workflows.submit(
        session,
        principal_user_id=caller.user_id,
        organization_id=caller.organization_id,
        api_key_id=caller.api_key_id,
        enrichment_type=body.scope,
        contacts=[{_PERSON_FIELDS[name]: value for name, value in person.items()}],
        webhook_url=None,
        kind="person",
        lead_list_id=lead_list.id,
        run_time=run_time,
    )


@shared.post("/enrichment/company", responses=USED_QUOTE)
def enrich_company(caller: Enricher, sandbox: Sandbox, body: CompanyRequest) -> EnrichedCompany:
    """Look up a company by domain, id, ticker or name; it costs a credit if there is one."""
    if not (body.domain or body.company_id or body.company_ticker or body.company_name):
        problem = "No company is named."
        fix = "Send domain, company_id, company_ticker or company_name."
        raise ApiError(400, "validation_error", problem, fix)
    found = _find_company(sandbox, body)
    with sandbox.store.session() as session:
        if body.quote_id is not None:
            quotes.redeem(session, caller.organization_id, body.quote_id, "enrich_company", 1)
        left = ledger.charge(session, caller.organization_id, 1)
    said = f"You have {int(left):,} credits remaining."
    return EnrichedCompany(company=records.company(found), credits_charged=1, agent_instructions=said)


def _find_company(sandbox: Services, body: CompanyRequest) -> Company:
    found = world(sandbox.settings.seed).find_company(
        domain=body.domain or "",
        company_id=body.company_id or "",
        ticker=body.company_ticker or "",
        name=body.company_name or "",
    )
    if found is None:
        raise not_found("No company is known by this; nothing was charged.")
    return found


@shared.post("/enrichment/by-task", responses=USED_QUOTE)
def enrich_by_task(caller: Enricher, sandbox: Sandbox, body: ByTaskRequest) -> ByTaskAccepted:
    """Enrich what a search or a page of leads has shown, with a quote for exactly that."""
    run = CohortRun(caller, body, world(sandbox.settings.seed), _run_time(sandbox))
    with sandbox.store.session() as session:
        return run.start(session)


@shared.post("/enrichment/bulk", responses=USED_QUOTE)
def enrich_list(caller: Enricher, sandbox: Sandbox, body: ListRequest) -> ListAccepted:
    """Start the enrichment of every lead of a list, with a quote for it."""
    with sandbox.store.session() as session:
        workflow, total = _submit_list(session, caller, body, _run_time(sandbox))
    return ListAccepted(
        workflow_id=workflow.id,
        total_leads=total,
        estimated_cost=int(workflow.reserved),
        credits_reserved=int(workflow.reserved),
        poll_url=_poll_url(sandbox, workflow),
    )


def _submit_list(session: Session, caller: Principal, body: ListRequest, run_time: RunTime) -> tuple[Workflow, int]:
    kind = pricing.SCOPES[body.scope]
    plans.require_features(session, caller.organization_id, plans.ENRICHMENT_FEATURES[kind])
    lead_list = lead_lists.find_list(session, caller, body.list_id)
    members, more = leads.page_of_leads(session, lead_list.id, leads.MAX_LEADS_PER_LIST, None)
    if not members or more is not None:
        problem = "The list has no leads." if not members else "The list has too many leads."
        raise ApiError(400, "validation_error", problem, f"Enrich lists of 1 to {leads.MAX_LEADS_PER_LIST} leads.")
    cost = pricing.ENRICHMENT_COST[kind] * len(members)
    organization_id = caller.organization_id
    quotes.redeem(session, organization_id, body.quote_id, "enrich_list", cost, list_id=body.list_id, scope=kind)
    workflow = workflows.submit(
        session,
        principal_user_id=caller.user_id,
        organization_id=organization_id,
        api_key_id=caller.api_key_id,
        enrichment_type=kind,
        contacts=[leads.enrichment_input(lead) for lead in members],
        webhook_url=None,
        kind="list",
        lead_list_id=lead_list.id,
        run_time=run_time,
    )
    return workflow, len(members)


@shared.get("/enrichment/status/{workflow_id}")
def enrichment_status(caller: EnrichmentReader, sandbox: Sandbox, workflow_id: str) -> WorkflowStatus:
    """Return status, progress and settled cost of a workflow, or of the latest one of a task."""
    with sandbox.store.reading() as session:
        if workflow_id.startswith(cohorts.PREFIX):
            cohort = session.get(Cohort, workflow_id)
            workflow_id = (cohort.workflow_id or "") if cohort is not None else ""
        workflow = session.get(Workflow, workflow_id)
        if workflow is None or workflow.organization_id != caller.organization_id:
            raise not_found("No workflow has this ID.")
        return WorkflowStatus.model_validate(workflows.workflow_payload(session, workflow))


def _run_time(sandbox: Services) -> RunTime:
    return workflows.DEFAULT_RUN_TIME.times(sandbox.settings.enrichment_pace)


def _poll_url(sandbox: Services, workflow: Workflow) -> str:
    return sandbox.settings.public_url + STATUS_PATH + workflow.id
