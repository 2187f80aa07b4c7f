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

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sandbox.credits import ledger
from sandbox.db.column_types import utc_now
from sandbox.db.tables import Lead, LeadList, Workflow, WorkflowTask, new_id, new_uuid
from sandbox.webhooks import deliveries, guarded_post
from sandbox.webhooks.guarded_post import AllowedTargets, UrlRefused

from . import contact_directory
from .contact_directory import EnrichmentOutcome, EnrichmentType

__all__ = ["DEFAULT_RUN_TIME", "RunTime", "UrlRefused", "advance", "status_payload", "submit", "workflow_payload"]

DEFAULT_LIST = "DEFAULT"
PUBLIC_ONLY = AllowedTargets()
PROCESSING, COMPLETED, FAILED = "processing", "completed", "failed"


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
    run_time: RunTime = DEFAULT_RUN_TIME,
    targets: AllowedTargets = PUBLIC_ONLY,
) -> Workflow:
    """Reserve the highest possible cost and start a workflow; `kind` is "bulk" or "person".

    Raises `UrlRefused` for a webhook URL that must not be called and `ledger.InsufficientCredits` when the
    balance does not cover the reservation. The routes validate the contacts.
    """
    if webhook_url is not None:
        guarded_post.check_url(webhook_url, targets)
    prefix = "public_bulk_" if kind == "bulk" else "enrich-"
    now = utc_now()
    workflow = Workflow(
        id=f"{prefix}{uuid.uuid4()}",
        kind=kind,
        organization_id=organization_id,
        user_id=principal_user_id,
        api_key_id=api_key_id,
        lead_list_id=default_list(session, organization_id).id,
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


def default_list(session: Session, organization_id: str) -> LeadList:
    """Return the organization's DEFAULT lead list, creating it the first time."""
    named = select(LeadList).filter_by(organization_id=organization_id, name=DEFAULT_LIST)
    found = session.scalar(named)
    if found is None:
        found = LeadList(id=new_id("ll"), organization_id=organization_id, name=DEFAULT_LIST)
        session.add(found)
        session.flush()
    return found


def advance(session: Session, workflow: Workflow, now: dt.datetime) -> bool:
    """Enrich the contacts that are due, and finish at the end. Returns whether it finished.

    Idempotent: finished contacts and workflows are skipped.
    """
    due = _due_tasks(workflow, len(workflow.tasks), now)
    for task in workflow.tasks[:due]:
        if task.status == PROCESSING:
            _complete_task(session, workflow, task)
    return now >= workflow.finish_at and _finish(session, workflow, now)


def status_payload(session: Session, workflow: Workflow) -> dict[str, object]:  # noqa: ARG001 - like workflow_payload
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


def workflow_payload(session: Session, workflow: Workflow) -> dict[str, object]:
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
        "result": None if running or workflow.kind != "person" else _person_result(session, workflow),
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
    share = (now - workflow.submitted_at) / (workflow.finish_at - workflow.submitted_at)
    return max(0, int(share * total))


def _complete_task(session: Session, workflow: Workflow, task: WorkflowTask) -> None:
    kind = cast("EnrichmentType", workflow.enrichment_type)  # only such are ever stored
    outcome = contact_directory.enrich_contact(task.contact, kind)
    task.status = FAILED if outcome.failed else COMPLETED
    task.credits = outcome.cost
    task.result = result_fields(outcome)
    if outcome.contact is not None and not outcome.failed and workflow.lead_list_id is not None:
        session.add(
            Lead(
                id=new_id("lead"),
                lead_list_id=workflow.lead_list_id,
                workflow_id=workflow.id,
                task_id=task.id,
                contact=task.result,
            )
        )


def result_fields(outcome: EnrichmentOutcome) -> dict[str, object]:
    """Return the data in the format of a webhook's `results`; unknown people have only nulls."""
    contact = None if outcome.failed else outcome.contact
    return {
        "primary_email": outcome.email,
        "primary_email_status": outcome.email_status,
        "personal_phone_numbers": [outcome.phone] if outcome.phone else [],
        "prospect": {
            "first_name": "Contact",
            "last_name": contact.last_name,
            "full_name": f"Contact {contact.last_name}",
            "title": contact.title,
            "linkedin_url": contact.linkedin_url,
        }
        if contact
        else {},
        "company": {"name": contact.company_name, "domain": contact.company_domain} if contact else {},
    }


def _finish(session: Session, workflow: Workflow, now: dt.datetime) -> bool:
    status = FAILED if all(task.status == FAILED for task in workflow.tasks) else COMPLETED
    # Whoever changes the status settles, so a workflow is settled once even if two engines run.
    claimed = session.scalar(
        update(Workflow)
        .where(Workflow.id == workflow.id, Workflow.status == PROCESSING)
        .values(status=status)
        .returning(Workflow.id)
    )
    if claimed is None:
        return False
    cost = sum((task.credits for task in workflow.tasks), Decimal(0))
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


def _person_result(session: Session, workflow: Workflow) -> dict[str, object] | None:
    """Return `SingleEnrichmentResultRead`; without a result it is failed, with an empty `lead_id`."""
    task = workflow.tasks[0]
    found = task.result or {}
    person, company = found.get("prospect") or {}, found.get("company") or {}
    lead_id = session.scalar(select(Lead.id).where(Lead.task_id == task.id, Lead.workflow_id == workflow.id))
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
        "provider": "sandbox-directory" if lead_id else None,
    }


def _number(amount: Decimal | None) -> float | int | None:
    if amount is None:
        return None
    return int(amount) if amount == int(amount) else float(amount)


def _iso_format(time: dt.datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
