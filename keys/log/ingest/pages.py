"""Ingests one page of a key's request log: new rows, gaps, counts, rollups and facets, in one transaction."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from cleanlist import RequestLogEntry
from core import clock
from core.db.sql import Statement, adapt_uuid, execute_batch
from core.sanitize import sanitize_text
from keys.log.canonical import canonical_ip
from keys.log.ingest import gaps, rollups
from keys.log.models import facet, partitions
from keys.log.models.request import OWN_USER_AGENT
from keys.log.models.rollup import EVERYTHING
from keys.models import ApiKey, LogGap, LoggedRequest
from workspaces.models import Poll, Workspace
from workspaces.polling import metrics_store

# Upstream's id and the time together identify a row of a key.
RowId = tuple[str, datetime]

_LOCK = "SELECT FROM workspaces_workspace WHERE id = %s FOR NO KEY UPDATE"
_COUNTS = ("captured_count", "count_before", "missed_count", "settled_count", "count_restarted_at")
_SAVE_COUNTS = f"UPDATE keys_apikey SET {', '.join(f'{name} = %s' for name in _COUNTS)} WHERE id = %s"  # noqa: S608
# All columns of a key that ingest needs, in the model's order.
_NEEDED = {
    "id", "workspace_id", "key_id", "upstream_id", "request_count", "last_used_at", "read_at", "captured_since",
    "kept_from", *_COUNTS,
}  # fmt: skip
_FIELDS = [field.attname for field in ApiKey._meta.concrete_fields if field.attname in _NEEDED]  # noqa: SLF001
_STATE = f"""
SELECT ARRAY(SELECT path FROM keys_keyendpoint WHERE key_id = keys_apikey.id),
    EXISTS (SELECT FROM keys_loggap WHERE key_id = keys_apikey.id), {", ".join(_FIELDS)}
FROM keys_apikey WHERE workspace_id = %s AND upstream_id = %s
"""  # noqa: S608 - the names are ours
# The rows of a page follow each other, so the range holds few others. PostgreSQL splits the ids before it plans, so
# that it knows how many there are.
_EXISTING_IN_RANGE = """
SELECT upstream_id, created_at FROM keys_loggedrequest WHERE key_id = %s AND created_at BETWEEN %s AND %s
AND upstream_id = ANY (string_to_array(%s, %s))
"""
_BETWEEN_IDS = "\x1f"  # stored texts contain no control characters (``core.sanitize``)
# If upstream dates some rows wrongly, the range may be the whole log. The caller compares the ids.
_EXISTING_AT_TIMES = """
SELECT upstream_id, created_at FROM keys_loggedrequest WHERE key_id = %s AND created_at = ANY (%s::timestamptz[])
"""
_FEW_ROWS, _LONGER = 20, 10
_NEWER = "SELECT count(*) FROM keys_loggedrequest WHERE key_id = %s AND created_at > %s AND created_at <= %s"
_LONGEST_DURATION_MS = 2**31 - 1
# Longer paths and user agents are not cached: upstream may send megabytes of them.
_LONGEST_CACHED = 1000
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]")


@dataclass(frozen=True)
class IngestResult:
    """How many rows of a page were new, and whether rows before it were lost."""

    new_rows: int
    found_gap: bool = False


def ingest_page(
    workspace: Workspace, upstream_id: str, entries: Sequence[RequestLogEntry], read_at: datetime, sent: int = 0
) -> IngestResult:
    """Add new rows to the key's log, and update what depends on them. Ingesting a page twice changes nothing.

    ``read_at`` is the time before the call; ``sent`` is how many rows upstream sent, if not all could be read.
    """
    with transaction.atomic(savepoint=False):
        state = lock_and_load(workspace, upstream_id)
        if state is None:
            return IngestResult(0)
        key, endpoints = state.key, set(state.endpoints)
        page = {(row_id, entry.created_at): entry for entry in entries if (row_id := sanitize_text(entry.id, 200))}
        existing = find_existing(key, set(page), read_at)
        new = [new_row(row_id[0], entry) for row_id, entry in reversed(page.items()) if row_id not in existing.ids]
        new.sort(key=lambda row: row.created_at)  # indexes that grow upward take the least space
        with insert_rows(key, new):
            counts, observed = rollups.count_rows(new, endpoints), facet.observed_in(new)
        transaction.on_commit(partial(_count_metrics, workspace.pk, counts))
        is_full = max(sent, len(entries)) >= gaps.PAGE_ROWS
        found_gap = (is_full or key.captured_count > 0) and _record_gap(key, set(page), existing.ids, read_at)
        key_gaps = list(LogGap.objects.of(key)) if state.has_gaps or found_gap else []
        _update_counts(key, key_gaps, new, existing.newer, read_at, unreadable=max(0, sent - len(entries)))
        rollups.record_endpoints(key, endpoints - state.endpoints)
        execute_batch(
            (_SAVE_COUNTS, [*(getattr(key, name) for name in _COUNTS), adapt_uuid(key.pk)]),
            *rollups.add_statements(key, counts),
            *facet.record_statements(key.pk, key.workspace_id, observed),
        )
    return IngestResult(len(new), found_gap)


def ingest_latest_page(workspace: Workspace, upstream_id: str, entries: Sequence[RequestLogEntry]) -> int:
    """Ingest a page that was just read; return the number of new rows."""
    return ingest_page(workspace, upstream_id, entries, clock.now()).new_rows


def reschedule(poll: Poll, times: Sequence[datetime], read_at: datetime, *, found_gap: bool) -> None:
    """Adapt the poll interval of a usable key's log to the request rate that ``times`` show."""
    if poll.interval_seconds >= gaps.INACTIVE_SECONDS:
        return
    rate = gaps.observed_rate(sorted(times, reverse=True), read_at)
    seconds = gaps.interval_for(rate, settings.RATE_LIMIT_PER_MINUTE, after_gap=found_gap)
    if seconds != poll.interval_seconds:
        poll.interval_seconds = seconds
        Poll.objects.filter(pk=poll.pk).update(interval_seconds=seconds)


# --- the log before the page ----------------------------------------------------------------------------------


@dataclass
class LogState:
    """A key, the endpoints in its rollups, and whether its log has gaps."""

    key: ApiKey
    endpoints: set[str]
    has_gaps: bool


def lock_and_load(workspace: Workspace, upstream_id: str) -> LogState | None:
    """Lock the workspace against concurrent ingest and return the key's log state; None if the key is gone."""
    if connection.vendor == "postgresql":
        owner = [workspace.pk, upstream_id]
        _, found = execute_batch((_LOCK, [workspace.pk]), (_STATE, owner))
        return next((_log_state(*row) for row in found), None)
    # SQLite allows one writing transaction at a time, and this one will write.
    key = ApiKey.objects.of(workspace).filter(upstream_id=upstream_id).first()
    if key is None:
        return None
    return LogState(key, set(key.endpoints.values_list("path", flat=True)), key.gaps.exists())


def _log_state(endpoints: list[str], has_gaps: bool, *fields: object) -> LogState:
    return LogState(ApiKey.from_db(connection.alias, _FIELDS, fields), set(endpoints), has_gaps)


@dataclass
class ExistingRows:
    """The rows of a page that are stored or were pruned, and the number of rows newer than upstream's last count."""

    ids: set[RowId]
    newer: int


def find_existing(key: ApiKey, page: set[RowId], read_at: datetime) -> ExistingRows:
    """Return which rows of a page are known, and create missing partitions for the others."""
    if not page:
        return ExistingRows(set(), 0)
    existing = _query_existing(key, page, read_at)
    if key.kept_from is not None:
        existing.ids |= {row_id for row_id in page if row_id[1] < key.kept_from}
    return existing


def _query_existing(key: ApiKey, page: set[RowId], read_at: datetime) -> ExistingRows:
    ids, times = zip(*page, strict=True)
    counted_until, latest = key.last_used_at, gaps.latest_plausible(key, read_at)
    if connection.vendor != "postgresql":
        rows = LoggedRequest.objects.filter(key=key)
        stored = set(rows.filter(upstream_id__in=ids).values_list("upstream_id", "created_at"))
        newer = rows.filter(created_at__gt=counted_until, created_at__lte=latest).count() if counted_until else 0
        return ExistingRows(stored, newer)
    kept = [at for at in times if key.kept_from is None or at >= key.kept_from]
    since = (_NEWER, [key.pk, counted_until, latest])
    found, ((newer,),), missing = execute_batch(
        _existing_statement(key, ids, times), since, partitions.missing_statement(kept)
    )
    partitions.create(name for (name,) in missing)
    return ExistingRows({(upstream_id, at) for upstream_id, at in found}, newer)


def _existing_statement(key: ApiKey, ids: Sequence[str], times: Sequence[datetime]) -> Statement:
    """Return the SQL that selects ids and times of the page's rows that are stored, and perhaps of some others."""
    ordered, aside = sorted(times), len(times) // _FEW_ROWS
    first, last = ordered[0], ordered[-1]
    if aside and last - first <= _LONGER * (ordered[-1 - aside] - ordered[aside]):
        return _EXISTING_IN_RANGE, [key.pk, first, last, _BETWEEN_IDS.join(ids), _BETWEEN_IDS]
    return _EXISTING_AT_TIMES, [key.pk, f"{{{','.join({at.isoformat() for at in times})}}}"]


# --- the rows of the page -------------------------------------------------------------------------------------


class NewRow(NamedTuple):
    """A row to store; its fields have the names of the columns."""

    upstream_id: str
    method: str
    path: str
    ip_address: str
    user_agent: str
    ip_address_sent: str | None
    status_code: int | None
    is_own_call: bool
    created_at: datetime
    duration_ms: int | None


_COLUMNS = f"key_id, workspace_id, {', '.join(NewRow._fields)}"
# The fields of NewRow that repeat from row to row, in the same order.
_Repeated = tuple[str, str, str, str, str | None, int | None, bool]


def new_row(upstream_id: str, entry: RequestLogEntry) -> NewRow:
    """Return ``entry`` as it is stored: with sanitized texts, and numbers that fit into the columns."""
    duration = None if entry.duration_ms is None else max(0, min(round(entry.duration_ms), _LONGEST_DURATION_MS))
    is_short = len(entry.path or "") + len(entry.user_agent or "") < _LONGEST_CACHED
    clean = _repeated if is_short else _repeated.__wrapped__
    repeated = clean(entry.method, entry.path, entry.ip_address, entry.user_agent, entry.status_code)
    return NewRow(upstream_id, *repeated, entry.created_at, duration)


@lru_cache(maxsize=4096)
def _repeated(method: str | None, path: str | None, ip: str | None, agent: str | None, status: int | None) -> _Repeated:
    agent = sanitize_text(agent, 2000)
    fits = status is not None and 0 <= status < 1000
    sent = sanitize_text(ip, 64)
    ip = canonical_ip(sent)
    texts = sanitize_text(method, 16), sanitize_text(path, 4000), ip, agent, None if ip == sent else sent
    return *texts, status if fits else None, agent.startswith(OWN_USER_AGENT)


@contextmanager
def insert_rows(key: ApiKey, rows: Sequence[NewRow]) -> Iterator[None]:
    """Insert ``rows``, by COPY on PostgreSQL. Needs no conflict checks, because the caller holds the workspace's lock.

    PostgreSQL writes while the body of the ``with`` runs, so the body must not query the database.
    """
    if not rows:
        yield
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY keys_loggedrequest ({_COLUMNS}) FROM STDIN") as sink:
                sink.write("".join(_copy_lines(key, rows)))
                yield
            return
        # As bulk_create would write them, without a model instance per row.
        adapt, owner = connection.ops.adapt_datetimefield_value, (adapt_uuid(key.pk), key.workspace_id)
        written = [(*owner, *row[:-2], adapt(row.created_at), row.duration_ms) for row in rows]
        values = ", ".join(["%s"] * len(written[0]))
        cursor.executemany(f"INSERT INTO keys_loggedrequest ({_COLUMNS}) VALUES ({values})", written)  # noqa: S608
    yield


def _copy_lines(key: ApiKey, rows: Sequence[NewRow]) -> Iterator[str]:
    owner = f"{key.pk}\t{key.workspace_id}"
    for id_, *repeated, at, duration in rows:
        yield f"{owner}\t{_escape(id_)}\t{_copy_repeated(tuple(repeated))}\t{at.isoformat()}\t{_number(duration)}\n"


@lru_cache(maxsize=1024)
def _copy_repeated(repeated: _Repeated) -> str:
    *texts, sent, status, is_own = repeated
    sent = r"\N" if sent is None else _escape(sent)
    return "\t".join([*map(_escape, texts), sent, _number(status), "t" if is_own else "f"])


def _escape(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda found: {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}[found[0]], text)


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)


# --- what follows from them -----------------------------------------------------------------------------------


def _record_gap(key: ApiKey, page: set[RowId], existing: set[RowId], read_at: datetime) -> bool:
    """Store a gap if the page does not overlap captured rows. There is no gap before the first page."""
    latest = read_at + gaps.MOST_AHEAD
    # If all rows are ahead, upstream's clock is, and its times are as good as any.
    plausible = {row_id for row_id in page if row_id[1] <= latest} or page
    if not plausible or existing & plausible or key.captured_since is None:
        return False
    times = [at for _, at in plausible]
    oldest, newest = min(times), max(times)
    log = LoggedRequest.objects.filter(key=key).newest_first()
    if log.filter(created_at__gt=newest, created_at__lte=latest).exists():
        return False  # an old page that arrives late, after a newer one was ingested
    after = log.filter(created_at__lt=oldest).values_list("created_at", flat=True).first() or key.captured_since
    if after >= oldest:
        return False
    gaps.record(key, after, oldest, read_at)
    return True


def _update_counts(
    key: ApiKey, key_gaps: list[LogGap], new: Sequence[NewRow], newer: int, read_at: datetime, *, unreadable: int
) -> None:
    if key.captured_since is None:
        key.captured_since = read_at
        ApiKey.objects.filter(pk=key.pk).update(captured_since=read_at)
    key.captured_count += len(new)
    gaps.reconcile(key, key_gaps, [row.created_at for row in new], newer, read_at, unreadable=unreadable)


def _count_metrics(workspace: int, counts: rollups.Rollups) -> None:
    """Count the customer's new requests by status class, for ``/metrics``."""
    for key, one in counts.items():
        if key.endpoint == EVERYTHING:
            metrics_store.count_for_workspace(
                workspace, f"{key.status_class}xx" if key.status_class else "none", one.count
            )
