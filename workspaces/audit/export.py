"""Exports the audit trail as CSV or JSON lines."""

import json
from collections.abc import Iterator
from datetime import UTC

from core.export import csv_lines, json_lines
from workspaces.models import AuditEvent
from workspaces.models.audit import AuditEventQuerySet

BATCH = 500  # events per query
COLUMNS = (
    "id",
    "at",
    "workspace_id",
    "workspace_name",
    "actor_id",
    "actor_email",
    "ip_address",
    "action",
    "subject_id",
    "subject",
    "outcome",
    "message",
    "details",
    "user_agent",
    "request_id",
    "previous_hash",
    "hash",
)


def audit_rows(events: AuditEventQuerySet) -> Iterator[dict[str, object]]:
    """Yield each event as a dictionary of COLUMNS, newest first; one query per batch, and no others."""
    last: int | None = None
    while batch := list((events if last is None else events.filter(pk__lt=last))[:BATCH]):
        yield from map(_row, batch)
        last = batch[-1].pk


def _row(event: AuditEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in COLUMNS} | {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds")
    }


def audit_lines(events: AuditEventQuerySet, file_format: str) -> Iterator[str]:
    """Yield the lines of the trail as ``csv`` or ``jsonl``, with hashes, and times in UTC."""
    rows = audit_rows(events)
    if file_format == "jsonl":
        return json_lines(rows)
    cells = ([_as_text(value) for value in row.values()] for row in rows)
    return csv_lines(COLUMNS, cells)


def _as_text(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value
