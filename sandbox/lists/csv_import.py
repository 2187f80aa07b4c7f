"""CSV import: rows become leads of a list and, if asked for, are enriched."""

from sqlalchemy.orm import Session

from sandbox.auth import plans
from sandbox.auth.authentication import Principal
from sandbox.credits import pricing, quotes
from sandbox.db.lead_tables import Lead, LeadList
from sandbox.enrichment import workflows
from sandbox.enrichment.workflows import RunTime
from sandbox.errors import ApiError

from . import csv_file, idempotency, lead_lists, leads
from .csv_file import ReadCsv
from .schemas import ImportCsv, ImportedCsv

OPERATION = "csv_import"
STATUS_PATH = "/api/v2/enrichment/status/"


def import_csv(session: Session, caller: Principal, list_id: str, body: ImportCsv, run_time: RunTime) -> ImportedCsv:
    """Import a file, once for each idempotency key, and start the enrichment of its rows.

    Raises `ApiError` 400, 403, 404, 409 or 413, and `ledger.InsufficientCredits`; then nothing is imported.
    """
    enriched = plans.ENRICHMENT_FEATURES.get(body.enrichment_type or "", ()) if body.dispatch_enrichment else ()
    plans.require_features(session, caller.organization_id, [plans.CSV_UPLOAD, *enriched])
    lead_list = lead_lists.find_list(session, caller, list_id)
    # Without the request: documented is that the first call wins, whatever comes with its key later.
    call = idempotency.Call(caller.organization_id, OPERATION, body.idempotency_key)
    earlier = idempotency.earlier_answer(session, call)
    if earlier is not None:
        return ImportedCsv.model_validate({**earlier, "idempotency_replayed": True})
    if body.dispatch_enrichment and body.enrichment_type is None:
        problem = "enrichment_type is missing."
        raise ApiError(400, "validation_error", problem, "Send it, or dispatch_enrichment: false.")
    read = csv_file.read_csv(body.csv_content_base64, body.column_mapping)
    _redeem(session, caller, body, len(read.contacts))
    imported = (leads.keep_lead(session, caller.organization_id, each, enriched=False)[0] for each in read.contacts)
    kept = {lead.id: lead for lead in imported}
    leads.add_members(session, lead_list, list(kept))
    answer = _answer(lead_list, read, _dispatch(session, caller, lead_list, body, list(kept.values()), run_time))
    idempotency.keep_answer(session, call, answer.model_dump(mode="json"))
    return answer


def _redeem(session: Session, caller: Principal, body: ImportCsv, rows: int) -> None:
    if body.quote_id is None:
        return
    scope = body.enrichment_type if body.dispatch_enrichment else None
    cost = pricing.ENRICHMENT_COST[scope or "none"] * rows
    terms = {} if scope is None else {"scope": scope}
    quotes.redeem(session, caller.organization_id, body.quote_id, "bulk_import_csv", cost, **terms)


def _dispatch(  # noqa: PLR0917 - all that an enrichment needs
    session: Session, caller: Principal, lead_list: LeadList, body: ImportCsv, kept: list[Lead], run_time: RunTime
) -> str | None:
    if not (kept and body.dispatch_enrichment and body.enrichment_type):
        return None
    workflow = workflows.submit(
        session,
        principal_user_id=caller.user_id,
        organization_id=caller.organization_id,
        api_key_id=caller.api_key_id,
        enrichment_type=body.enrichment_type,
        contacts=[leads.enrichment_input(lead) for lead in kept],
        webhook_url=None,
        kind="list",
        lead_list_id=lead_list.id,
        run_time=run_time,
    )
    return workflow.id


def _answer(lead_list: LeadList, read: ReadCsv, workflow_id: str | None) -> ImportedCsv:
    return ImportedCsv(
        list_id=lead_list.id,
        rows_parsed=read.parsed,
        rows_imported=len(read.contacts),
        rows_skipped=read.parsed - len(read.contacts),
        skip_reasons=dict(read.skipped),
        sample_skip_rows=read.sample,
        workflow_id=workflow_id,
        enrichment_status_url=STATUS_PATH + workflow_id if workflow_id else None,
    )
