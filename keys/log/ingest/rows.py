"""Rows of a page as the log stores them, and the quickest way into the table: COPY on PostgreSQL."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from cleanlist import RequestLogEntry
from core.db.sql import adapt_uuid
from core.sanitize import sanitize_text
from keys.log.ip_addresses import canonical
from keys.log.models.request import OWN_USER_AGENT
from keys.models import ApiKey

_LONGEST_DURATION_MS = 2**31 - 1
# Characters of a path and a user agent that are remembered; upstream may send megabytes of them.
_LONGEST_REMEMBERED = 1000
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]")


class NewRow(NamedTuple):
    """A row of a key's log that is to be stored; named as the columns are."""

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
# What comes again and again: method, path, address, user agent, the address as it was sent where that differs, status,
# and whether it was the console's own call.
_Shared = tuple[str, str, str, str, str | None, int | None, bool]


def new_row(upstream_id: str, row: RequestLogEntry) -> NewRow:
    """Return what is stored of ``row``: text without what harms a reader, numbers that the columns can hold."""
    duration = None if row.duration_ms is None else max(0, min(round(row.duration_ms), _LONGEST_DURATION_MS))
    is_short = len(row.path or "") + len(row.user_agent or "") < _LONGEST_REMEMBERED
    clean = _shared if is_short else _shared.__wrapped__
    shared = clean(row.method, row.path, row.ip_address, row.user_agent, row.status_code)
    return NewRow(upstream_id, *shared, row.created_at, duration)


@lru_cache(maxsize=4096)
def _shared(method: str | None, path: str | None, ip: str | None, agent: str | None, status: int | None) -> _Shared:
    agent = sanitize_text(agent, 2000)
    fits = status is not None and 0 <= status < 1000
    sent = sanitize_text(ip, 64)
    address = canonical(sent)
    texts = sanitize_text(method, 16), sanitize_text(path, 4000), address, agent, None if address == sent else sent
    return *texts, status if fits else None, agent.startswith(OWN_USER_AGENT)


@contextmanager
def stored(key: ApiKey, rows: Sequence[NewRow]) -> Iterator[None]:
    """Add rows that are known to be new, because only the holder of the workspace's lock adds any.

    The caller may do other work meanwhile, but ask the database nothing: PostgreSQL stores while the body runs.
    """
    if not rows:
        yield
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY keys_loggedrequest ({_COLUMNS}) FROM STDIN") as sink:
                sink.write("".join(_lines(key, rows)))
                yield
            return
        # What bulk_create would write, without a model instance for each row.
        adapt, owner = connection.ops.adapt_datetimefield_value, (adapt_uuid(key.pk), key.workspace_id)
        written = [(*owner, *row[:-2], adapt(row.created_at), row.duration_ms) for row in rows]
        values = ", ".join(["%s"] * len(written[0]))
        cursor.executemany(f"INSERT INTO keys_loggedrequest ({_COLUMNS}) VALUES ({values})", written)  # noqa: S608
    yield


def _lines(key: ApiKey, rows: Sequence[NewRow]) -> Iterator[str]:
    """Yield ``rows`` in the text form of COPY."""
    owner = f"{key.pk}\t{key.workspace_id}"
    for id_, *shared, at, duration in rows:
        yield f"{owner}\t{_escaped(id_)}\t{_middle(tuple(shared))}\t{at.isoformat()}\t{_number(duration)}\n"


@lru_cache(maxsize=1024)
def _middle(shared: _Shared) -> str:
    *texts, sent, status, is_own = shared
    sent = r"\N" if sent is None else _escaped(sent)
    return "\t".join([*map(_escaped, texts), sent, _number(status), "t" if is_own else "f"])


def _escaped(text: str) -> str:
    return _NEEDS_ESCAPE.sub(lambda found: {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}[found[0]], text)


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)
