"""Exports the filtered request log as a file, read in batches by keyset, so that its size costs time but no memory."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any, NamedTuple

from django.db.models.functions import Coalesce

from core.export import csv_lines, json_lines
from core.pagination import Cursor
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.page import MatchCounts
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Workspace

BATCH = 2000  # rows per query
_READ = (
    "pk",
    "created_at",
    "key_id",
    "upstream_id",
    "method",
    "path",
    "status_code",
    "duration_ms",
    "ip_address",
    Coalesce("ip_address_sent", "ip_address"),
    "user_agent",
    "is_own_call",
)
# The size of a row without its texts.
_FIXED_BYTES = 190


class ExportLine(NamedTuple):
    """One request in the file; its fields are the columns. Times are UTC, ``key_id`` is upstream's.

    ``ip_address`` is in canonical form, so that equal addresses compare equal; ``ip_address_sent`` is upstream's text.
    """

    id: str
    created_at: str
    key_id: str
    key_name: str
    key: str
    method: str
    path: str
    status_code: int | None
    duration_ms: int | None
    ip_address: str
    ip_address_sent: str
    user_agent: str
    by_this_console: bool


def export_lines(rows: LoggedRequestQuerySet, workspace: Workspace, file_format: str) -> Iterator[str]:
    """Yield ``rows``, newest first, as lines of ``csv`` or ``jsonl``."""
    found = _read(rows, {key.pk: key for key in ApiKey.objects.of(workspace)})
    if file_format == "jsonl":
        return json_lines(line._asdict() for line in found)
    return csv_lines(ExportLine._fields, found)


def _read(rows: LoggedRequestQuerySet, keys: dict[object, ApiKey]) -> Iterator[ExportLine]:
    """Read in batches. Rows that arrive meanwhile are newer than the first one and are left out."""
    cursor: Cursor | None = None
    while batch := list((rows.after(cursor) if cursor else rows).newest_first().values_list(*_READ)[:BATCH]):
        for row in batch:
            yield _line(row, keys)
        cursor = Cursor(batch[-1][1], batch[-1][0])


def _line(row: tuple[Any, ...], keys: dict[object, ApiKey]) -> ExportLine:
    _, at, key_id, upstream_id, *rest = row
    key = keys.get(key_id)
    names = (key.upstream_id, key.name, key.masked) if key else ("", "", "")
    return ExportLine(upstream_id, at.astimezone(UTC).isoformat(timespec="microseconds"), *names, *rest)


def file_size_text(sample: Sequence[LoggedRequest], tallies: MatchCounts) -> str:
    """Return the file's estimated size, from a ``sample`` of its rows and the number of matches."""
    count = tallies.matching.count
    if not sample or count is None:
        return "of a size that is not known"
    texts = sum(len(row.path) + len(row.user_agent) + len(row.ip_address) + len(row.key.name) for row in sample)
    return tallies.matching.as_file(texts / len(sample) + _FIXED_BYTES)
