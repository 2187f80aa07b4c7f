"""The five older public endpoints, whose own refusals are `{"detail": …}`."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select

from sandbox.auth.authentication import Principal
from sandbox.credits import ledger
from sandbox.db.tables import DeliveryAttempt, Workflow, WorkflowTask
from sandbox.enrichment import workflows
from sandbox.errors import ApiError, not_found
from sandbox.schemas import Balance, BulkAccepted, BulkRequest, Deliveries, DeliveryRow, ValidKey
from sandbox.services import Services
from sandbox.webhooks.guarded_post import AllowedTargets

from .dependencies import Caller, CreditsReader, Enricher, EnrichmentReader, Sandbox
from .refusals import OLDER_PUBLIC

router = APIRouter(prefix="/api/v1/public", tags=["Public API"], responses=OLDER_PUBLIC)

MAX_CONTACTS = 250
LATEST_DELIVERIES = 100


@router.get("/auth/validate-key")
async def validate_key(caller: Caller) -> ValidKey:
    """Say whose key this is; costs nothing. Only the credential is checked, no scope."""
    return ValidKey(valid=True, user_id=caller.user_id, organization_id=caller.organization_id)


@router.get("/credits/balance")
async def balance(caller: CreditsReader, sandbox: Sandbox) -> Balance:
    """Return the organization's spendable credits."""
    credits_now = sandbox.store.look_up_one(ledger.BALANCE, {"id": caller.organization_id}).credits
    whole = int(credits_now)
    return Balance(
        organization_id=caller.organization_id, credits=whole if whole == credits_now else float(credits_now)
    )


@router.post("/enrich/bulk")
def enrich_bulk(caller: Enricher, sandbox: Sandbox, body: BulkRequest) -> BulkAccepted:
    """Start the enrichment of up to 250 contacts; the highest possible cost is reserved."""
    if not body.contacts:
        raise ApiError(400, "validation_error", "contacts must hold at least one contact")
    if len(body.contacts) > MAX_CONTACTS:
        problem = f"Bulk enrichment supports up to {MAX_CONTACTS} contacts per request"
        raise ApiError(400, "validation_error", problem)
    workflow = _submit(caller, sandbox, body)
    return BulkAccepted(
        workflow_id=workflow.id,
        message=f"Bulk enrichment started for {len(body.contacts)} contact(s)",
        task_ids=[task.id for task in workflow.tasks],
        total_contacts=len(body.contacts),
    )


def _submit(caller: Principal, sandbox: Services, body: BulkRequest) -> Workflow:
    try:
        with sandbox.store.session() as session:
            return workflows.submit(
                session,
                principal_user_id=caller.user_id,
                organization_id=caller.organization_id,
                api_key_id=caller.api_key_id,
                enrichment_type=body.enrichment_type,
                contacts=[contact.model_dump(exclude_none=True) for contact in body.contacts],
                webhook_url=body.webhook_url,
                kind="bulk",
                run_time=workflows.DEFAULT_RUN_TIME.times(sandbox.settings.enrichment_pace),
                targets=AllowedTargets(loopback=sandbox.settings.allow_local_webhooks),
            )
    except ledger.InsufficientCredits as short:
        raise ApiError(402, "insufficient_credits", "Insufficient credits") from short
    except workflows.UrlRefused as refused:
        wrong = {"type": "value_error", "loc": ("body", "webhook_url"), "msg": str(refused)}
        raise RequestValidationError([wrong | {"input": body.webhook_url}]) from refused


@router.get("/enrich/status")
def enrich_status(
    caller: EnrichmentReader, sandbox: Sandbox, workflow_id: str | None = None, task_id: str | None = None
) -> dict[str, object]:
    """Return progress and results of a workflow, or of one of its tasks."""
    if (workflow_id is None) == (task_id is None):
        raise ApiError(400, "validation_error", "Provide either workflow_id or task_id, and not both")
    with sandbox.store.reading() as session:
        if task_id is not None:
            task = session.get(WorkflowTask, task_id)
            if task is None or task.workflow.organization_id != caller.organization_id:
                raise not_found("Task not found")
            return workflows.task_payload(task)
        workflow = session.get(Workflow, workflow_id)
        if workflow is None or workflow.organization_id != caller.organization_id:
            raise not_found("Workflow not found")
        return workflows.status_payload(session, workflow)


@router.get("/webhooks/deliveries")
def deliveries(
    caller: Caller, sandbox: Sandbox, workflow_id: Annotated[str | None, Query(max_length=200)] = None
) -> Deliveries:
    """Return delivery attempts, newest first: of one workflow, or the organization's latest 100.

    Upstream documents neither the envelope nor what happens without `workflow_id`.
    """
    attempts = select(DeliveryAttempt).filter_by(organization_id=caller.organization_id)
    if workflow_id is not None:
        attempts = attempts.filter_by(workflow_id=workflow_id)
    attempts = attempts.order_by(DeliveryAttempt.attempted_at.desc(), DeliveryAttempt.attempt_number.desc()).limit(
        LATEST_DELIVERIES
    )
    with sandbox.store.reading() as session:
        rows = session.scalars(attempts).all()
    return Deliveries(deliveries=[_row(row) for row in rows])


def _row(attempt: DeliveryAttempt) -> DeliveryRow:
    shown = {name: getattr(attempt, name) for name in DeliveryRow.model_fields if name != "created_at"}
    return DeliveryRow(**shown, created_at=attempt.attempted_at)
