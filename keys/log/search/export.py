"""Exports the filtered request log as a file."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models.functions import Coalesce

from core import clock
from core.export import ExportFile, export_file, in_batches, in_file_name
from core.pagination import MOST_COUNTED, Cursor
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.page import MatchCounts, count_matches
from keys.log.search.query_plan import plan_query
from keys.models import ApiKey, LoggedRequest
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace

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
    created_at: datetime
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


def export_requests(workspace: Workspace, actor: Actor, form: LogFilterForm, file_format: str) -> ExportFile:
    """Return the requests that match the filters, newest first; record that they were exported."""
    now, scope = clock.cached_now(), LogScope(workspace)
    plan = plan_query(form, scope, now, wanted=MOST_COUNTED)
    record_event(
        Action.REQUESTS_EXPORTED,
        actor,
        workspace=workspace,
        subject=("", file_format),
        requests=str(count_matches(form, scope).matching),
        filters=form.for_audit,
    )
    lines = export_lines(plan.rows if plan else LoggedRequest.objects.none(), workspace)
    return export_file(f"requests-{workspace.slug}-{in_file_name(now)}", file_format, ExportLine._fields, lines)


def export_lines(rows: LoggedRequestQuerySet, workspace: Workspace) -> Iterator[ExportLine]:
    """Return ``rows``, newest first. Those that arrive meanwhile are newer than the first one and are left out."""
    keys: dict[object, ApiKey] = {key.pk: key for key in ApiKey.objects.of(workspace)}
    found = in_batches(
        lambda last: (rows.after(Cursor(last[1], last[0])) if last else rows).newest_first().values_list(*_READ)
    )
    return (_line(row, keys) for row in found)


def _line(row: tuple[Any, ...], keys: dict[object, ApiKey]) -> ExportLine:
    _, at, key_id, upstream_id, *rest = row
    key = keys.get(key_id)
    names = (key.upstream_id, key.name, key.masked) if key else ("", "", "")
    return ExportLine(upstream_id, at, *names, *rest)


def file_size_text(sample: Sequence[LoggedRequest], tallies: MatchCounts) -> str:
    """Return the file's estimated size, from a ``sample`` of its rows and the number of matches."""
    count = tallies.matching.count
    if not sample or count is None:
        return "of a size that is not known"
    texts = sum(len(row.path) + len(row.user_agent) + len(row.ip_address) + len(row.key.name) for row in sample)
    return tallies.matching.as_file(texts / len(sample) + _FIXED_BYTES)
