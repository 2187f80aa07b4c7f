"""Exports the outcome of each result of a redelivery, read in batches, so that its size costs time but no memory."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from core.export import csv_lines
from webhooks.export import in_utc
from webhooks.models import ItemState
from webhooks.models.redelivery import ItemQuerySet
from webhooks.reasons import reason_named

BATCH = 2000  # rows a query
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


def report_lines(items: ItemQuerySet) -> Iterator[str]:
    """Yield ``items`` as lines of CSV, in the order in which they are sent."""
    return csv_lines(ReportRow._fields, _read_rows(items))


def _read_rows(items: ItemQuerySet) -> Iterator[ReportRow]:
    last = 0
    while batch := list(items.filter(pk__gt=last).order_by("pk").values(*_FIELDS)[:BATCH]):
        yield from map(_report_row, batch)
        last = batch[-1]["pk"]


def _report_row(row: dict[str, Any]) -> ReportRow:
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
