"""Exports the filtered list of deliveries, read in batches by keyset, so that its size costs time but no memory."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from core.export import csv_lines, json_lines
from core.pagination import Cursor, Page, RowCounts
from webhooks.models import Delivery
from webhooks.models.delivery import DeliveryQuerySet
from webhooks.reasons import reason_named

BATCH = 2000  # rows a query
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
    first_attempt_at: str
    last_attempt_at: str
    last_status_code: int | None
    last_error: str
    last_duration_ms: int | None
    next_attempt_at: str
    delivered_at: str
    redelivered_by_this_console_at: str


def export_lines(rows: DeliveryQuerySet, file_format: str) -> Iterator[str]:
    """Yield ``rows``, newest first, as lines of ``csv`` or ``jsonl``."""
    found = _read_rows(rows)
    if file_format == "jsonl":
        return json_lines(line._asdict() for line in found)
    return csv_lines(ExportRow._fields, found)


def _read_rows(rows: DeliveryQuerySet) -> Iterator[ExportRow]:
    """Read batch by batch; deliveries attempted meanwhile are newer than the first row and stay out."""
    cursor: Cursor | None = None
    while batch := list((rows.after(cursor) if cursor else rows).newest_first().values(*_FIELDS)[:BATCH]):
        yield from map(_export_row, batch)
        cursor = Cursor(batch[-1]["last_attempt_at"], batch[-1]["pk"])


def _export_row(row: dict[str, Any]) -> ExportRow:
    reason = reason_named(row["reason"])
    return ExportRow(
        workflow_id=row["workflow__workflow_id"],
        url=row["url"],
        state=row["state"],
        reason=row["reason"],
        reason_in_words=reason.label if reason else "",
        attempts=row["attempts"],
        times_delivered_by_upstream=row["runs"],
        first_attempt_at=in_utc(row["first_attempt_at"]),
        last_attempt_at=in_utc(row["last_attempt_at"]),
        last_status_code=row["last_status_code"],
        last_error=row["last_error"],
        last_duration_ms=row["last_duration_ms"],
        next_attempt_at=in_utc(row["next_attempt_at"]),
        delivered_at=in_utc(row["delivered_at"]),
        redelivered_by_this_console_at=in_utc(row["redelivered_at"]),
    )


def in_utc(time: datetime | None) -> str:
    """Format a time for a file; None becomes empty."""
    return time.astimezone(UTC).isoformat(timespec="microseconds") if time else ""


def estimated_size(page: Page[Delivery], counts: RowCounts) -> str:
    """Estimate the size of the file from the visible rows and the number of matches, in words."""
    count = counts.matching.count
    if not page.rows or count is None:
        return "of a size that is not known"
    texts = sum(len(row.url) + len(row.last_error) + len(row.workflow.workflow_id) for row in page.rows)
    return counts.matching.as_file(texts / len(page.rows) + _FIXED_BYTES)
