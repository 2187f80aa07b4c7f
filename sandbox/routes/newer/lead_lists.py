"""Lead lists and their leads."""

from typing import Annotated

from fastapi import Body, Query, Response

from sandbox.agents import runs
from sandbox.auth.authentication import Principal
from sandbox.bodies import Identifier
from sandbox.enrichment import workflows
from sandbox.lists import additions, cohorts, csv_import, lead_lists, leads
from sandbox.lists.schemas import (
    AddByCohort,
    AddByLeadIds,
    AddedLeads,
    CreateList,
    DeletedList,
    ImportCsv,
    ImportedCsv,
    LeadsPage,
    ListDetail,
    ListsPage,
    RemovedLeads,
    RemoveLeads,
    UpdateList,
)
from sandbox.routes.dependencies import ListsReader, ListsWriter, Sandbox, require_scope
from sandbox.routes.refusals import Refusal, refusals

from .shared import SharedRoutes

shared = SharedRoutes()

Cursor = Annotated[str | None, Query(max_length=200)]


@shared.post("/lead-lists", status_code=201, responses={200: {"model": ListDetail, "description": "It existed"}})
def create_list(caller: ListsWriter, sandbox: Sandbox, body: CreateList, response: Response) -> ListDetail:
    """Create a private list, or return the caller's list of that name with 200 and `reused`."""
    with sandbox.store.session() as session:
        found, reused = lead_lists.create_list(session, caller, body)
        response.status_code = 200 if reused else 201
        said = "A list of this name exists and is used." if reused else "List created."
        return lead_lists.detail(session, found, reused=reused, message=said)


@shared.get("/lead-lists")
def list_lists(
    caller: ListsReader,
    sandbox: Sandbox,
    folder_id: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> ListsPage:
    """Return the lists that the caller may see, newest first."""
    with sandbox.store.reading() as session:
        return lead_lists.page_of_lists(session, caller, folder_id, limit, cursor)


@shared.get("/lead-lists/{list_id}")
def get_list(caller: ListsReader, sandbox: Sandbox, list_id: str) -> ListDetail:
    """Return a list with live counts."""
    with sandbox.store.reading() as session:
        return lead_lists.detail(session, lead_lists.find_list(session, caller, list_id))


@shared.patch("/lead-lists/{list_id}", responses=refusals(Refusal, 409))
def update_list(caller: ListsWriter, sandbox: Sandbox, list_id: str, body: UpdateList) -> ListDetail:
    """Rename a list, or describe it; only its owner may."""
    with sandbox.store.session() as session:
        return lead_lists.detail(session, lead_lists.update_list(session, caller, list_id, body))


@shared.delete("/lead-lists/{list_id}")
def delete_list(caller: ListsWriter, sandbox: Sandbox, list_id: str) -> DeletedList:
    """Delete a list; its leads stay in the other lists, and smart agents that work on it end. Only its owner may."""
    with sandbox.store.session() as session:
        lead_lists.delete_list(session, caller, list_id)
        runs.end_runs_of(session, list_id)
    return DeletedList(list_id=list_id, message="List deleted.")


@shared.get("/lead-lists/{list_id}/leads")
def list_leads(
    caller: ListsReader,
    sandbox: Sandbox,
    list_id: str,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Cursor = None,
) -> LeadsPage:
    """Return a page of leads; its `task_id` can be enriched or added to a list."""
    with sandbox.store.session() as session:
        found = lead_lists.find_list(session, caller, list_id)
        rows, following = leads.page_of_leads(session, found.id, limit, cursor)
        ids = [lead.id for lead in rows]
        return LeadsPage(
            task_id=cohorts.remember(session, caller.organization_id, "leads", ids) if ids else None,
            list_id=found.id,
            leads=[leads.lead_row(lead) for lead in rows],
            total=lead_lists.count_leads(session, found.id),
            cursor=following,
        )


@shared.post("/lead-lists/{list_id}/leads", responses=refusals(Refusal, 409))
def add_leads(
    caller: ListsWriter, sandbox: Sandbox, list_id: str, body: Annotated[AddByLeadIds | AddByCohort, Body()]
) -> AddedLeads:
    """Add leads by their ids, or what a search or a page has shown; free."""
    with sandbox.store.session() as session:
        return additions.add_leads(session, caller, list_id, body, sandbox.settings.seed)


@shared.delete("/lead-lists/{list_id}/leads")
def remove_leads(caller: ListsWriter, sandbox: Sandbox, list_id: str, body: RemoveLeads) -> RemovedLeads:
    """Take leads out of a list; they stay leads. Unknown ids are ignored."""
    with sandbox.store.session() as session:
        found = lead_lists.find_list(session, caller, list_id)
        return RemovedLeads(list_id=found.id, removed=leads.remove_members(session, found, body.lead_ids))


@shared.post("/lead-lists/{list_id}/csv-import", status_code=201, responses=refusals(Refusal, 409, 413))
def csv_import_(caller: ListsWriter, sandbox: Sandbox, list_id: Identifier, body: ImportCsv) -> ImportedCsv:
    """Import up to 600 rows of CSV and enrich them, unless `dispatch_enrichment` is false."""
    _require_enrichment(caller, body)
    run_time = workflows.DEFAULT_RUN_TIME.times(sandbox.settings.enrichment_pace)
    with sandbox.store.session() as session:
        return csv_import.import_csv(session, caller, list_id, body, run_time)


def _require_enrichment(caller: Principal, body: ImportCsv) -> None:
    if body.dispatch_enrichment:
        require_scope(caller, "enrich:write")
