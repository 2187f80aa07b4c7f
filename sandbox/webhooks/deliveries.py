"""Webhooks of finished workflows: payload, retries, and a row for every attempt.

Delivery is at least once: an attempt interrupted by a crash is repeated after the restart, so a receiver may get a
workflow twice, as upstream documents of itself.
"""

import asyncio
import datetime as dt
import json
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from sandbox.db.column_types import utc_now
from sandbox.db.store import Store
from sandbox.db.tables import Delivery, DeliveryAttempt, Workflow, WorkflowTask
from sandbox.http.faults import ActiveFaults

from . import guarded_post
from .guarded_post import AllowedTargets, PostResult

logger = logging.getLogger(__name__)

RESULTS_LIMIT = 250
PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"

# "5 attempts, waits of 1, 2, 4, 8, 16 timeout" (docs). Five attempts have four waits between them: the wait
# after attempt n is WAITS[n-1], and the 16 would follow the fifth attempt, after which the delivery is
# failed at once. So the last wait is named by the docs and never waited.
MAX_ATTEMPTS = 5
RETRY_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)

# Receivers that hang occupy a slot for 10 timeout each; further ones wait for a slot, not for the engine.
CONCURRENT_POSTS = 50


def enqueue(session: Session, workflow: Workflow, now: dt.datetime) -> Delivery | None:
    """Queue the webhook of a finished workflow, due at once; None without a webhook URL."""
    if workflow.webhook_url is None:
        return None
    delivery = Delivery(
        workflow_id=workflow.id,
        organization_id=workflow.organization_id,
        url=workflow.webhook_url,
        state=PENDING,
        next_attempt_at=now,
    )
    session.add(delivery)
    session.flush()
    return delivery


def payload(workflow: Workflow) -> dict[str, object]:
    """Return the body of the POST, with the fields that the docs list."""
    done = [task_result(task) for task in workflow.tasks]
    return {
        "event": "enrichment.completed",
        "workflow_id": workflow.id,
        "lead_list_id": workflow.lead_list_id,
        "enrichment_type": workflow.enrichment_type,
        "status": workflow.status,
        "summary": summary(workflow),
        "results": done[:RESULTS_LIMIT],
        "results_limit": RESULTS_LIMIT,
        "results_truncated": len(done) > RESULTS_LIMIT,
        "results_endpoint": f"/api/v1/public/enrich/status?workflow_id={workflow.id}",
        "completed_at": workflow.completed_at.isoformat().replace("+00:00", "Z") if workflow.completed_at else None,
    }


def task_result(task: WorkflowTask) -> dict[str, object]:
    """Return one entry of `results`."""
    return {"task_id": task.id, "status": task.status, **(task.result or {})}


def summary(workflow: Workflow) -> dict[str, int]:
    """Count what a workflow has found so far."""
    found = [task.result or {} for task in workflow.tasks]
    return {
        "total": len(found),
        "successful": sum(task.status == "completed" for task in workflow.tasks),
        "failed": sum(task.status == "failed" for task in workflow.tasks),
        "emails_found": sum(bool(each.get("primary_email")) for each in found),
        "phones_found": sum(bool(each.get("personal_phone_numbers")) for each in found),
    }


def record_attempt(
    session: Session, delivery: Delivery, result: PostResult, waits: Sequence[float] = RETRY_WAITS
) -> None:
    """Store the attempt, and mark the delivery as delivered, failed or due again."""
    now = utc_now()
    delivery.attempts += 1
    session.add(
        DeliveryAttempt(
            delivery_id=delivery.id,
            workflow_id=delivery.workflow_id,
            organization_id=delivery.organization_id,
            attempt_number=delivery.attempts,
            url=delivery.url,
            status="success" if result.acknowledged else "failed",
            response_status_code=result.status_code,
            error_message=result.error_message,
            response_time_ms=result.duration_ms,
            attempted_at=now - dt.timedelta(milliseconds=result.duration_ms),
        )
    )
    if result.acknowledged:
        delivery.state, delivery.next_attempt_at = DELIVERED, None
    elif delivery.attempts >= MAX_ATTEMPTS:
        delivery.state, delivery.next_attempt_at = FAILED, None
    else:
        wait = dt.timedelta(seconds=waits[delivery.attempts - 1])
        delivery.next_attempt_at = now + wait


@dataclass(frozen=True, slots=True)
class _PendingPost:
    delivery_id: str
    url: str
    body: bytes


class WebhookSender:
    """Sends due webhooks. Runs on the engine's event loop, with database work in threads."""

    def __init__(
        self,
        store: Store,
        targets: AllowedTargets,
        waits: Sequence[float] = RETRY_WAITS,
        timeout: float = guarded_post.RESPONSE_TIMEOUT,
        *,
        ssl_context: ssl.SSLContext | None = None,
        faults: ActiveFaults | None = None,
    ) -> None:
        self._store = store
        self._targets = targets
        self._waits = waits
        self._seconds = timeout
        self._ssl_context = ssl_context
        self._faults = faults
        self._running: dict[str, asyncio.Task[None]] = {}

    async def tick(self) -> None:
        """Start every delivery that is due and not being sent already."""
        free = CONCURRENT_POSTS - len(self._running)
        if free <= 0:
            return
        for post in await asyncio.to_thread(self._due, frozenset(self._running), free):
            task = asyncio.create_task(self._send(post))
            self._running[post.delivery_id] = task

    async def close(self) -> None:
        """Cancel running attempts: they stay pending and are repeated after the next start."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _send(self, post: _PendingPost) -> None:
        try:
            result = self._injected(post.url) or await guarded_post.post_json(
                post.url, post.body, self._targets, self._seconds, self._ssl_context
            )
            await asyncio.to_thread(self._record, post.delivery_id, result)
        except Exception:
            logger.exception("attempt of delivery %s not recorded, it will be made again", post.delivery_id)
        finally:
            self._running.pop(post.delivery_id, None)

    def _injected(self, url: str) -> PostResult | None:
        fault = self._faults.take("POST", url) if self._faults else None
        return guarded_post.answered(fault.status or 503) if fault else None

    def _due(self, running: frozenset[str], limit: int) -> list[_PendingPost]:
        """Read due deliveries, without those being sent, which are still due in the database."""
        due = (
            select(Delivery)
            .where(Delivery.state == PENDING, Delivery.next_attempt_at <= utc_now())
            .order_by(Delivery.next_attempt_at)
            .limit(limit + len(running))
        )
        with self._store.reading() as session:
            fresh = [delivery for delivery in session.scalars(due) if delivery.id not in running]
            return [self._post(session, delivery) for delivery in fresh[:limit]]

    def _post(self, session: Session, delivery: Delivery) -> _PendingPost:
        loaded = select(Workflow).options(selectinload(Workflow.tasks)).filter_by(id=delivery.workflow_id)
        workflow = session.scalars(loaded).one()
        return _PendingPost(delivery.id, delivery.url, json.dumps(payload(workflow)).encode())

    def _record(self, delivery_id: str, result: PostResult) -> None:
        with self._store.session() as session:
            delivery = session.get(Delivery, delivery_id)
            if delivery is not None and delivery.state == PENDING:
                record_attempt(session, delivery, result, self._waits)
