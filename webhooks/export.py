"""Exports the filtered list of deliveries."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from core import clock
from core.db.sql import ValuesRow
from core.export import ExportFile, export_file, in_batches, in_file_name
from core.pagination import Cursor, Page, RowCounts, count_rows
from webhooks.filters import DeliveryFilterForm, filtered_deliveries
from webhooks.models import Delivery
from webhooks.models.delivery import DeliveryQuerySet
from webhooks.reasons import reason_named
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace

_FIELDS = (
    "pk",
    "workflow__workflow_id",
    "url",
    "state",
    "reason",
    "attempts",
    "runs",
    "first_attempt_at",
    "last_attempt_at",
    "last_status_code",
    "last_error",
    "last_duration_ms",
    "next_attempt_at",
    "delivered_at",
    "redelivered_at",
)
# What a row takes besides its texts.
_FIXED_BYTES = 260


class ExportRow(NamedTuple):
    """One delivery in the file; the fields are its columns. Times are UTC."""

    workflow_id: str
    url: str
    state: str
    reason: str
    reason_in_words: str
    attempts: int
    times_delivered_by_upstream: int
    first_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status_code: int | None
    last_error: str
    last_duration_ms: int | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    redelivered_by_this_console_at: datetime | None


def export_deliveries(workspace: Workspace, actor: Actor, form: DeliveryFilterForm, file_format: str) -> ExportFile:
    """Return the deliveries that match the filters, newest first; record that they were exported."""
    now = clock.cached_now()
    rows = filtered_deliveries(form, now)
    record_event(
        Action.DELIVERIES_EXPORTED,
        actor,
        workspace=workspace,
        subject=("", file_format),
        deliveries=str(count_rows(rows, None).matching),
        filters=form.for_audit,
    )
    stem = f"deliveries-{workspace.slug}-{in_file_name(now)}"
    return export_file(stem, file_format, ExportRow._fields, _read_rows(rows))


def _read_rows(rows: DeliveryQuerySet) -> Iterator[ExportRow]:
    """Return ``rows``; deliveries attempted meanwhile are newer than the first row and stay out."""
    return map(_export_row, in_batches(lambda last: _after(rows, last).newest_first().values(*_FIELDS)))


def _after(rows: DeliveryQuerySet, last: ValuesRow | None) -> DeliveryQuerySet:
    return rows.after(Cursor(last["last_attempt_at"], last["pk"])) if last else rows


def _export_row(row: ValuesRow) -> ExportRow:
    reason = reason_named(row["reason"])
    return ExportRow(
        workflow_id=row["workflow__workflow_id"],
        url=row["url"],
        state=row["state"],
        reason=row["reason"],
        reason_in_words=reason.label if reason else "",
        attempts=row["attempts"],
        times_delivered_by_upstream=row["runs"],
        first_attempt_at=row["first_attempt_at"],
        last_attempt_at=row["last_attempt_at"],
        last_status_code=row["last_status_code"],
        last_error=row["last_error"],
        last_duration_ms=row["last_duration_ms"],
        next_attempt_at=row["next_attempt_at"],
        delivered_at=row["delivered_at"],
        redelivered_by_this_console_at=row["redelivered_at"],
    )


def estimated_size(page: Page[Delivery], counts: RowCounts) -> str:
    """Estimate the size of the file from the visible rows and the number of matches, in words."""
    count = counts.matching.count
    if not page.rows or count is None:
        return "of a size that is not known"
    texts = sum(len(row.url) + len(row.last_error) + len(row.workflow.workflow_id) for row in page.rows)
    return counts.matching.as_file(texts / len(page.rows) + _FIXED_BYTES)
