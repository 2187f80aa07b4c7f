"""Rows of a page as the log stores them, and the quickest way into the table: COPY on PostgreSQL."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from cleanlist import RequestLogEntry
from keys.log import partitions
from keys.models import ApiKey, LoggedRequest
from keys.models.request_log import OWN_USER_AGENT
from workspaces.texts import plain_text

_NAMES = (
    "upstream_id", "method", "path", "status_code", "duration_ms", "ip_address", "user_agent", "created_at",
    "is_own_call",
)  # fmt: skip
_COLUMNS = f"key_id, workspace_id, {', '.join(_NAMES)}"
_LONGEST_DURATION_MS = 2**31 - 1
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]")


class NewRow(NamedTuple):
    """A row of a key's log that is to be stored; named as the columns are."""

    upstream_id: str
    method: str
    path: str
    status_code: int | None
    duration_ms: int | None
    ip_address: str
    user_agent: str
    created_at: datetime
    is_own_call: bool


def new_row(upstream_id: str, row: RequestLogEntry) -> NewRow:
    """Return what is stored of ``row``: text without what harms a reader, numbers that the columns can hold."""
    status, duration = row.status_code, row.duration_ms
    agent = _plain(row.user_agent, 2000)
    return NewRow(
        upstream_id,
        _plain(row.method, 16),
        _plain(row.path, 4000),
        status if status is not None and 0 <= status < 1000 else None,
        None if duration is None else max(0, min(round(duration), _LONGEST_DURATION_MS)),
        _plain(row.ip_address, 64),
        agent,
        row.created_at,
        agent.startswith(OWN_USER_AGENT),
    )


# The same few texts come again and again.
_plain = lru_cache(maxsize=4096)(plain_text)


def known(key: ApiKey, upstream_ids: Sequence[str], oldest: datetime, newest: datetime) -> set[str]:
    """Return which of the rows with ``upstream_ids`` are stored; all were made from ``oldest`` to ``newest``."""
    if connection.vendor != "postgresql":
        rows = LoggedRequest.objects.filter(key=key, upstream_id__in=upstream_ids)
        return set(rows.values_list("upstream_id", flat=True))
    with connection.cursor() as cursor:
        # The times say nothing new; they spare looking into the partitions of other months.
        cursor.execute(
            "SELECT upstream_id FROM keys_loggedrequest"
            " WHERE key_id = %s AND created_at BETWEEN %s AND %s AND upstream_id = ANY(%s)",
            [key.pk, oldest, newest, list(upstream_ids)],
        )
        return {upstream_id for (upstream_id,) in cursor.fetchall()}


def store(key: ApiKey, rows: Sequence[NewRow]) -> None:
    """Add rows that are known to be new, because only the holder of the workspace's lock adds any."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            partitions.prepare(row.created_at for row in rows)
            with cursor.copy(f"COPY keys_loggedrequest ({_COLUMNS}) FROM STDIN") as sink:
                sink.write("".join(_lines(key, rows)))
            return
        # What bulk_create would write, without a model instance for each row.
        adapt, owner = connection.ops.adapt_datetimefield_value, (key.pk.hex, key.workspace_id)
        cursor.executemany(
            f"INSERT INTO keys_loggedrequest ({_COLUMNS}) VALUES ({', '.join(['%s'] * (2 + len(_NAMES)))})",  # noqa: S608
            [(*owner, *row[:7], adapt(row.created_at), row.is_own_call) for row in rows],
        )


def _lines(key: ApiKey, rows: Sequence[NewRow]) -> list[str]:
    """Return ``rows`` in the text form of COPY."""
    owner = f"{key.pk}\t{key.workspace_id}"
    return [
        f"{owner}\t{_escaped_once(id_)}\t{_escaped(method)}\t{_escaped(path)}\t{_number(status)}\t{_number(duration)}"
        f"\t{_escaped(ip)}\t{_escaped(agent)}\t{at.isoformat()}\t{'t' if is_own else 'f'}\n"
        for id_, method, path, status, duration, ip, agent, at, is_own in rows
    ]


def _escaped_once(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda found: {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}[found[0]], text)


_escaped = lru_cache(maxsize=4096)(_escaped_once)


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)
