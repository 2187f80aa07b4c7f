"""Exports the outcome of each result of a redelivery."""

from typing import NamedTuple

from core.db.sql import ValuesRow
from core.export import ExportFile, export_file, in_batches, in_file_name, in_utc
from webhooks.models import ItemState, Redelivery
from webhooks.models.redelivery import ItemQuerySet
from webhooks.reasons import reason_named
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action

_FIELDS = (
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
    last_tried_at: str
    next_try_at: str


def export_report(job: Redelivery, actor: Actor, items: ItemQuerySet, state: str) -> ExportFile:
    """Return ``items``, which are all of ``job`` or those in ``state``; record that they were exported."""
    subject, results = (str(job.job_id), "Redelivery"), str(items.count())
    record_event(
        Action.DELIVERIES_EXPORTED, actor, workspace=job.workspace, subject=subject, results=results, state=state
    )
    rows = in_batches(
        lambda last: items.filter(pk__gt=last["pk"] if last else 0).order_by("pk").values(*_FIELDS),
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
        last_tried_at=in_utc(row["tried_at"]),
        next_try_at=in_utc(row["next_try_at"]) if waits else "",
    )
