"""Enrichment workflows: submitted with a reservation, run for some seconds, finished and settled.

A workflow enriches its contacts one after another until `finish_at`. The engine calls `advance` repeatedly, which
does what is due. All state is in the database, so a restart loses nothing.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self, cast

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sandbox.credits import ledger
from sandbox.db.column_types import JsonObject, utc_now
from sandbox.db.lead_tables import Lead, LeadList
from sandbox.db.tables import Workflow, WorkflowTask, new_uuid
from sandbox.directory.world import DEFAULT_SEED, world
from sandbox.lists import lead_lists, leads
from sandbox.webhooks import deliveries, guarded_post
from sandbox.webhooks.guarded_post import AllowedTargets, UrlRefused

from . import contact_directory
from .contact_directory import EnrichmentOutcome, EnrichmentType

__all__ = ["DEFAULT_RUN_TIME", "RunTime", "UrlRefused", "advance", "status_payload", "submit", "workflow_payload"]

BATCH = 250
PROVIDER = "sandbox-directory"
PUBLIC_ONLY = AllowedTargets()
PROCESSING, COMPLETED, FAILED = "processing", "completed", "failed"
# bulk is that of the older surface; a list's and a cohort's share a format.
ID_PREFIXES = {"bulk": "public_bulk_", "person": "enrich-", "list": "bulk-enrich-", "cohort": "bulk-enrich-"}


@dataclass(frozen=True, slots=True)
class RunTime:
    """How long a workflow runs: `seconds` for one contact, and as long again per 50 contacts."""

    seconds: float = 2.0

    def times(self, factor: float) -> Self:
        """Return a run time that is `factor` times as long."""
        return replace(self, seconds=self.seconds * factor)

    def duration(self, contacts: int) -> dt.timedelta:
        """Return the running time for this many contacts: 2 s for one, 12 s for 250 by default."""
        return dt.timedelta(seconds=self.seconds * (1 + contacts / 50))


DEFAULT_RUN_TIME = RunTime()


def submit(  # noqa: PLR0913 - all are keyword arguments of the routes
    session: Session,
    *,
    principal_user_id: str,
    organization_id: str,
    api_key_id: str | None,
    enrichment_type: EnrichmentType,
    contacts: Sequence[Mapping[str, object]],
    webhook_url: str | None,
    kind: str,
    lead_list_id: str | None = None,
    run_time: RunTime = DEFAULT_RUN_TIME,
    targets: AllowedTargets = PUBLIC_ONLY,
) -> Workflow:
    """Reserve the highest possible cost and start a workflow; results go to the user's DEFAULT list if not to another.

    A contact that has a `lead_id` is a lead already, and gets what is found.

    Raises `UrlRefused` for a webhook URL that must not be called and `ledger.InsufficientCredits` when the
    balance does not cover the reservation. The routes validate the contacts.
    """
    if webhook_url is not None:
        guarded_post.check_url(webhook_url, targets)
    now = utc_now()
    workflow = Workflow(
        id=f"{ID_PREFIXES[kind]}{uuid.uuid4()}",
        kind=kind,
        organization_id=organization_id,
        user_id=principal_user_id,
        api_key_id=api_key_id,
        lead_list_id=lead_list_id or lead_lists.automatic_list(session, organization_id, principal_user_id).id,
        enrichment_type=enrichment_type,
        webhook_url=webhook_url,
        status=PROCESSING,
        submitted_at=now,
        finish_at=now + run_time.duration(len(contacts)),
        reserved=contact_directory.highest_cost(enrichment_type) * len(contacts),
        tasks=[
            WorkflowTask(id=new_uuid(), position=position, contact=dict(contact), status=PROCESSING)
            for position, contact in enumerate(contacts)
        ],
    )
    ledger.reserve(session, organization_id, workflow.reserved, workflow.id)
    session.add(workflow)
    session.flush()
    return workflow


def advance(session: Session, workflow: Workflow, now: dt.datetime, seed: int = DEFAULT_SEED) -> bool:
    """Enrich contacts that are due, and finish after the last. Returns whether it finished.

    After a stop many can be due: a call takes a batch, since it holds the write lock. Idempotent: finished contacts
    and workflows are skipped.
    """
    mine = WorkflowTask.workflow_id == workflow.id
    total = session.scalar(select(func.count()).where(mine)) or 0
    due = select(WorkflowTask).where(
        mine, WorkflowTask.position < _due_tasks(workflow, total, now), WorkflowTask.status == PROCESSING
    )
    tasks = session.scalars(due.order_by(WorkflowTask.position).limit(BATCH + 1)).all()
    for task in tasks[:BATCH]:
        _complete_task(session, workflow, task, seed)
    session.flush()
    return len(tasks) <= BATCH and now >= workflow.finish_at and _finish(session, workflow, now)


def finish_open(session: Session, organization_id: str, now: dt.datetime, seed: int) -> None:
    """Finish what an organization has running, at once."""
    mine = select(Workflow).filter_by(organization_id=organization_id, status=PROCESSING)
    for workflow in session.scalars(mine).all():
        workflow.finish_at = now
        while not advance(session, workflow, now, seed):
            pass


def status_payload(session: Session, workflow: Workflow) -> dict[str, object]:  # noqa: ARG001 - to be called alike
    """Return the response of `GET /api/v1/public/enrich/status`: status, progress and results."""
    return {
        "workflow_id": workflow.id,
        "status": workflow.status,
        "enrichment_type": workflow.enrichment_type,
        "lead_list_id": workflow.lead_list_id,
        **_progress(workflow),
        "summary": deliveries.summary(workflow),
        "results": [deliveries.task_result(task) for task in workflow.tasks if task.status != PROCESSING],
        "credits_charged": _number(workflow.settled),
        "submitted_at": _iso_format(workflow.submitted_at),
        "completed_at": _iso_format(workflow.completed_at),
    }


def task_payload(task: WorkflowTask) -> dict[str, object]:
    """Return the response of `GET /api/v1/public/enrich/status` for one `task_id`."""
    done = int(task.status != PROCESSING)
    return {
        "workflow_id": task.workflow_id,
        "task_id": task.id,
        "status": task.status,
        "progress": 100 * done,
        "results": [deliveries.task_result(task)] if done else [],
    }


def workflow_payload(session: Session, workflow: Workflow) -> dict[str, object]:  # noqa: ARG001 - like status_payload
    """Return `WorkflowStatusResponse` of the newer surface and of v2 (Cleanlist's OpenAPI document)."""
    running = workflow.status == PROCESSING
    settled = workflow.settled or Decimal(0)
    found = deliveries.summary(workflow)
    return {
        "workflow_id": workflow.id,
        "status": "running" if running else workflow.status,
        **_progress(workflow),
        "enrichment_type": workflow.enrichment_type,
        "lead_list_id": workflow.lead_list_id,
        "summary": {name: found[name] for name in ("emails_found", "phones_found")},
        "refund_status": None if running else "not_applicable",
        "refund_message": None,
        "result": None if running or workflow.kind != "person" else _person_result(workflow),
        "credits_charged": None if running else int(settled),
        "credits_refunded": None if running else int(workflow.reserved - settled),
        "timestamp_ms": int(utc_now().timestamp() * 1000),
    }


def is_due(workflow: Workflow, total: int, still_open: int, now: dt.datetime) -> bool:
    """Return whether `advance` would do anything, given the numbers of all and of open contacts."""
    return now >= workflow.finish_at or _due_tasks(workflow, total, now) > total - still_open


def _due_tasks(workflow: Workflow, total: int, now: dt.datetime) -> int:
    if now >= workflow.finish_at:
        return total
    if now <= workflow.submitted_at:
        return 0
    share = (now - workflow.submitted_at) / (workflow.finish_at - workflow.submitted_at)
    return int(share * total)


def _complete_task(session: Session, workflow: Workflow, task: WorkflowTask, seed: int) -> None:
    kind = cast("EnrichmentType", workflow.enrichment_type)  # only such are ever stored
    person = contact_directory.find_contact(task.contact) or world(seed).find_person(task.contact)
    outcome = contact_directory.outcome_of(person, kind)
    task.status = FAILED if outcome.failed else COMPLETED
    task.credits = outcome.cost
    task.result = result_fields(outcome)
    if outcome.contact is not None and not outcome.failed:
        task.lead_id = _keep_result(session, workflow, task.contact.get("lead_id"), task.result)


def _keep_result(session: Session, workflow: Workflow, lead_id: str | None, result: JsonObject) -> str:
    """Give a result to the lead that it is for, or make it one; it is in the workflow's list if that still exists."""
    lead = session.get(Lead, lead_id) if lead_id is not None else None
    found = bool(result["primary_email"] or result["personal_phone_numbers"])
    if found:
        result = {**result, "provider": PROVIDER}
    if lead is None:
        lead, _ = leads.keep_lead(session, workflow.organization_id, result, enriched=found)
    else:
        leads.add_to_contact(lead, result, enriched=found)
    lead_list = session.get(LeadList, workflow.lead_list_id) if workflow.lead_list_id else None
    if lead_list is not None and lead_list.deleted_at is None:
        leads.add_members(session, lead_list, [lead.id], capped=False)
    return lead.id


def result_fields(outcome: EnrichmentOutcome) -> JsonObject:
    """Return the data in the format of a webhook's `results`; unknown people have only nulls."""
    contact = None if outcome.failed else outcome.contact
    return {
        "primary_email": outcome.email,
        "primary_email_status": outcome.email_status,
        "personal_phone_numbers": [outcome.phone] if outcome.phone else [],
        "prospect": {
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "full_name": contact.full_name,
            "title": contact.title,
            "linkedin_url": contact.linkedin_url,
            **({"location": contact.location} if contact.location else {}),
        }
        if contact
        else {},
        "company": {"name": contact.company_name, "domain": contact.company_domain} if contact else {},
    }


def _finish(session: Session, workflow: Workflow, now: dt.datetime) -> bool:
    mine = WorkflowTask.workflow_id == workflow.id
    succeeded = session.scalar(select(func.count()).where(mine, WorkflowTask.status != FAILED))
    total = session.scalar(select(func.count()).where(mine))
    status = FAILED if total and not succeeded else COMPLETED
    # Whoever changes the status settles, so a workflow is settled once even if two engines run.
    claimed = session.scalar(
        update(Workflow)
        .where(Workflow.id == workflow.id, Workflow.status == PROCESSING)
        .values(status=status)
        .returning(Workflow.id)
    )
    if claimed is None:
        return False
    cost = session.scalar(select(func.sum(WorkflowTask.credits)).where(mine)) or Decimal(0)
    ledger.settle(session, workflow.organization_id, workflow.reserved, cost, workflow.id)
    workflow.status, workflow.settled, workflow.completed_at = status, cost, now
    deliveries.enqueue(session, workflow, now)
    return True


def _progress(workflow: Workflow) -> dict[str, int]:
    failed = sum(task.status == FAILED for task in workflow.tasks)
    completed = sum(task.status == COMPLETED for task in workflow.tasks)
    total = len(workflow.tasks)
    return {
        "progress": (completed + failed) * 100 // total if total else 100,
        "total": total,
        "processed": completed + failed,
        "completed": completed,
        "failed": failed,
    }


def _person_result(workflow: Workflow) -> dict[str, object] | None:
    """Return `SingleEnrichmentResultRead`; without a result it is failed, with an empty `lead_id`."""
    task = workflow.tasks[0]
    found = task.result or {}
    person, company = found.get("prospect") or {}, found.get("company") or {}
    lead_id = task.lead_id
    return {
        "lead_id": lead_id or "",
        "status": COMPLETED if lead_id else FAILED,
        **{name: person.get(name) for name in ("full_name", "first_name", "last_name")},
        **{name: person.get(name) for name in ("linkedin_url", "title")},
        "email": found.get("primary_email"),
        "email_status": found.get("primary_email_status"),
        "phone": next(iter(found.get("personal_phone_numbers") or []), None),
        "company": company.get("name"),
        "enrichment_type": workflow.enrichment_type,
        "provider": PROVIDER if lead_id else None,
    }


def _number(amount: Decimal | None) -> float | int | None:
    if amount is None:
        return None
    return int(amount) if amount == int(amount) else float(amount)


def _iso_format(time: dt.datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
