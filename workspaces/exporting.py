"""Tables as files that other programs open: CSV that no spreadsheet takes for formulas, and JSON Lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

import structlog
from django.http import HttpRequest, StreamingHttpResponse

from workspaces.access import is_still_allowed
from workspaces.models import AuditEvent
from workspaces.models.audit import AuditEventQuerySet

logger = structlog.get_logger(__name__)
# What makes spreadsheets calculate (OWASP, "CSV Injection"), full-width forms among them, also after blanks.
_FORMULA = re.compile(r"^[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
# Control characters, and what turns the direction of the text beside it around.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
BATCH = 500  # events a query
LINES_A_CHECK = 500  # so many lines may still go to somebody who loses the right to them
NOT_COMPLETE = "This file is not complete: your access ended while it was being sent.\r\n"
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}

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


def harmless_cell(value: object) -> str:
    """Return ``value`` as text that a spreadsheet shows and does not run: one line, led by ' where it must be."""
    text = "" if value is None else str(value)
    starts_badly = text[:1] in {"\t", "\r", "\n"} or (_FORMULA.match(text) and not _NUMBER.fullmatch(text))
    return ("'" if starts_badly else "") + _INVISIBLE.sub(" ", text)


class _Line:
    """What ``csv.writer`` writes to: hands the line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), every cell quoted and harmless."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([harmless_cell(cell) for cell in row])


def json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line, in ASCII: nothing in it can act on a terminal or turn text around."""
    for row in rows:
        yield json.dumps(row, default=str) + "\n"


def download(
    request: HttpRequest, lines: Iterator[str] | Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    """Return ``lines`` as a file that the browser saves as ``name``, while they are still being read.

    It ends, and says so, when who asked for it loses the right meanwhile.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_while_allowed(request, lines), content_type=content_type, headers=headers)


def _while_allowed(request: HttpRequest, lines: Iterable[str | bytes]) -> Iterator[str | bytes]:
    for number, line in enumerate(lines):
        if number % LINES_A_CHECK == 0 and not is_still_allowed(request):
            logger.warning("download_stopped", path=request.path, lines=number)
            # A connection that merely ends looks like a whole file. A cut ZIP does not open.
            if isinstance(line, str):
                yield NOT_COMPLETE
            return
        yield line


def audit_rows(events: AuditEventQuerySet) -> Iterator[dict[str, Any]]:
    """Yield each event as a dictionary of COLUMNS, newest first, by one query a batch and with none in between."""
    last: int | None = None
    while batch := list((events if last is None else events.filter(pk__lt=last))[:BATCH]):
        yield from map(_row, batch)
        last = batch[-1].pk


def _row(event: AuditEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in COLUMNS} | {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds")
    }


def audit_lines(events: AuditEventQuerySet, file_format: str) -> Iterator[str]:
    """Yield the lines of the trail as ``csv`` or ``jsonl``. Hashes are in it; times are UTC."""
    rows = audit_rows(events)
    if file_format == "jsonl":
        return json_lines(rows)
    cells = ([_as_text(value) for value in row.values()] for row in rows)
    return csv_lines(COLUMNS, cells)


def _as_text(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value
