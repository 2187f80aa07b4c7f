"""Starts, pauses, resumes and cancels redeliveries for people, and exports the outcome of each result."""

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import QueryDict

from core import clock
from core.db.sql import ValuesRow
from core.export import ExportFile, export_file, in_batches, in_file_name
from core.task_queue import enqueue_on_commit
from webhooks.models import Item, ItemState, Redelivery, RedeliveryState
from webhooks.models.redelivery import ItemQuerySet
from webhooks.reasons import reason_named
from webhooks.redelivery import engine
from webhooks.redelivery.selection import RedeliverySelection, select
from workspaces import rights
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Role, User, Workspace

State = RedeliveryState


class SelectionChanged(Exception):
    """The selection is not the one that the person was shown any more; ``selection`` is the current one."""

    def __init__(self, selection: RedeliverySelection) -> None:
        super().__init__("The results to send have changed.")
        self.selection = selection


def start_redelivery(workspace: Workspace, actor: Actor, query: QueryDict, url: str, expected: int) -> Redelivery:
    """Create a job that sends what ``query`` selects, each result to its own URL or all to ``url``.

    Raises SelectionChanged unless it is ``expected`` many, and at least one; PermissionDenied for who is no operator
    any more.
    """
    with transaction.atomic():
        # One at a time: no result is ever in two jobs that run.
        Workspace.objects.lock(workspace.pk)
        rights.require_role(actor, workspace, Role.OPERATOR)
        selection = select(workspace, query)
        candidates = list(selection.candidates(url))
        if not candidates or selection.count != expected:
            raise SelectionChanged(selection)
        job = Redelivery.objects.create(
            workspace=workspace, requested_by=actor.user, url=url, filters=selection.filters
        )
        Item.objects.bulk_create(
            [
                Item(redelivery=job, workflow_id=one.workflow_id, delivery_id=one.delivery_id, url=one.url)
                for one in candidates
            ],
            batch_size=1000,
        )
        _record(Action.REDELIVERY_STARTED, job, actor, results=len(candidates), url=url, filters=selection.filters)
        enqueue_on_commit("webhooks.tasks.redeliver")
    return job


def pause(job: Redelivery, actor: Actor) -> bool:
    """Pause ``job``; an item on its way is still completed. Returns False if it does not run."""
    if not _change(job, [State.RUNNING], state=State.PAUSED, note="Paused manually.", next_run_at=None):
        return False
    _record(Action.REDELIVERY_PAUSED, job, actor)
    return True


def resume(job: Redelivery, actor: Actor) -> bool:
    """Resume a paused ``job`` at once, by the rights of whoever resumes it. Returns False if it is not paused.

    Raises PermissionDenied unless they are an operator, or an owner if the responsible person lost the right.
    """
    with transaction.atomic():
        Workspace.objects.lock(job.workspace_id)
        job.refresh_from_db()
        if job.state != State.PAUSED:
            return False
        rights.require_role(actor, job.workspace, Role.OPERATOR)
        before, taken_over = job.responsible_user, _take_over(job, actor)
        _change(job, [State.PAUSED], state=State.RUNNING, note="", next_run_at=None, failed_in_a_row=0, **taken_over)
        job.items.filter(state=ItemState.WAITING).update(next_try_at=None)
        _record(Action.REDELIVERY_RESUMED, job, actor, **({"taken_over_from": str(before or "")} if taken_over else {}))
    engine.finish_if_done(job)
    enqueue_on_commit("webhooks.tasks.redeliver")
    return True


def _take_over(job: Redelivery, actor: Actor) -> dict[str, User]:
    """Return the changes of ``job`` if somebody else than the responsible person resumes it.

    Raises PermissionDenied if the responsible person lost the right, unless an owner takes it over.
    """
    if actor.user is None or actor.user == job.responsible_user:
        return {}
    if not job.is_permitted and job.workspace.role_of(actor.user) != Role.OWNER:
        raise PermissionDenied(
            "The person responsible for this redelivery no longer has permission to send results. "
            "An owner can take over."
        )
    return {"taken_over_by": actor.user}


def cancel(job: Redelivery, actor: Actor) -> bool:
    """Cancel ``job``; the rest is skipped. Returns False if it has ended."""
    ended = {"state": State.CANCELLED, "finished_at": clock.now(), "note": "", "next_run_at": None}
    if not _change(job, [State.RUNNING, State.PAUSED], **ended):
        return False
    engine.skip_remaining_items(job)
    _record(Action.REDELIVERY_CANCELLED, job, actor)
    return True


def _change(job: Redelivery, states: list[State], **changes: object) -> bool:
    changed = Redelivery.objects.filter(pk=job.pk, state__in=states).update(**changes)
    job.refresh_from_db()
    return bool(changed)


def _record(action: Action, job: Redelivery, actor: Actor, **details: Any) -> None:
    record_event(action, actor, workspace=job.workspace, subject=(str(job.job_id), _goal(job)), **details)


def _goal(job: Redelivery) -> str:
    # Of the URL only its host: the rest may hold a secret, and this stands in the log too.
    return f"to {urlsplit(job.url).hostname}" if job.url else "to the URLs of the webhooks"


_REPORTED = (
    "pk",
    "workflow__workflow_id",
    "url",
    "state",
    "tries",
    "status_code",
    "reason",
    "error",
    "duration_ms",
    "tried_at",
    "next_try_at",
)


class ReportRow(NamedTuple):
    """One result in the file; the fields are its columns. Times are UTC."""

    workflow_id: str
    url: str
    state: str
    tries: int
    last_status_code: int | None
    reason: str
    reason_in_words: str
    last_error: str
    last_duration_ms: int | None
    last_tried_at: datetime | None
    next_try_at: datetime | None


def export_report(job: Redelivery, actor: Actor, items: ItemQuerySet, state: str) -> ExportFile:
    """Return ``items``, which are all of ``job`` or those in ``state``; record that they were exported."""
    subject, results = (str(job.job_id), "Redelivery"), str(items.count())
    record_event(
        Action.DELIVERIES_EXPORTED, actor, workspace=job.workspace, subject=subject, results=results, state=state
    )
    rows = in_batches(
        lambda last: items.filter(pk__gt=last["pk"] if last else 0).order_by("pk").values(*_REPORTED),
    )
    stem = f"redelivery-{in_file_name(job.created_at)}{'-' if state else ''}{state}"
    return export_file(stem, "csv", ReportRow._fields, map(_report_row, rows))


def _report_row(row: ValuesRow) -> ReportRow:
    reason = reason_named(row["reason"])
    waits = row["state"] == ItemState.WAITING
    return ReportRow(
        workflow_id=row["workflow__workflow_id"],
        url=row["url"],
        state=row["state"],
        tries=row["tries"],
        last_status_code=row["status_code"],
        reason=row["reason"],
        reason_in_words=reason.label if reason else "",
        last_error=row["error"],
        last_duration_ms=row["duration_ms"],
        last_tried_at=row["tried_at"],
        next_try_at=row["next_try_at"] if waits else None,
    )
