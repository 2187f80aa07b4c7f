"""Keeps note of every value that occurs in the log, so that filters know what can match before they look."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connection

from keys.models.log_value import KINDS, fingerprint

if TYPE_CHECKING:
    from keys.log.storing import NewRow
    from keys.models import LoggedRequest

_COLUMNS = "key_id, workspace_id, kind, is_own_call, fingerprint, value, count, first_seen_at, last_seen_at"
_ON_CONFLICT = """
ON CONFLICT (key_id, kind, is_own_call, fingerprint) DO UPDATE SET
    count = keys_logvalue.count + excluded.count,
    first_seen_at = {least}(keys_logvalue.first_seen_at, excluded.first_seen_at),
    last_seen_at = {greatest}(keys_logvalue.last_seen_at, excluded.last_seen_at)
"""
_POSTGRESQL = f"""
INSERT INTO keys_logvalue ({_COLUMNS})
SELECT %s, %s, * FROM unnest(%s::text[], %s::boolean[], %s::bigint[], %s::text[], %s::bigint[], %s::timestamptz[],
                             %s::timestamptz[])
{_ON_CONFLICT.format(least="least", greatest="greatest")}
"""  # noqa: S608 - no part comes from outside
_SQLITE = f"""
INSERT INTO keys_logvalue ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
{_ON_CONFLICT.format(least="min", greatest="max")}
"""  # noqa: S608 - as above


class Seen(NamedTuple):
    """A value of one column, how often it occurs (``times``), first and last."""

    kind: str
    is_own_call: bool
    fingerprint: int
    value: str
    times: int
    first_seen_at: datetime
    last_seen_at: datetime


def note(key_id: UUID, workspace_id: Any, rows: "Iterable[LoggedRequest | NewRow]") -> None:
    """Count the values of ``rows``, all of one key, by one statement; the caller holds the workspace's lock."""
    seen = list(seen_in(rows))
    if not seen:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL, [key_id, workspace_id, *(list(column) for column in zip(*seen, strict=True))])
        else:
            adapt = connection.ops.adapt_datetimefield_value
            owner = (key_id.hex, workspace_id)
            cursor.executemany(_SQLITE, [(*owner, *one[:5], adapt(one[5]), adapt(one[6])) for one in seen])


def note_of_keys(rows: Iterable[Any]) -> None:
    """Count the values of ``rows``, each of which knows its key."""
    by_key = defaultdict(list)
    for row in rows:
        by_key[row.key_id, row.workspace_id].append(row)
    for (key_id, workspace_id), of_key in by_key.items():
        note(key_id, workspace_id, of_key)


def seen_in(rows: "Iterable[LoggedRequest | NewRow]") -> Iterable[Seen]:
    """Yield what occurs in ``rows``. Those that are alike are counted together first, which is most of them."""
    alike: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        at = row.created_at
        like = (row.path, row.user_agent, row.ip_address, row.method, row.status_code, row.is_own_call)
        found = alike.get(like)
        if found is None:
            alike[like] = [1, at, at]
            continue
        found[0] += 1
        if at < found[1]:
            found[1] = at
        elif at > found[2]:
            found[2] = at
    total: dict[tuple[str, bool, Any], tuple[int, datetime, datetime]] = {}
    for (*values, is_own), (count, first, last) in alike.items():
        for kind, value in zip(KINDS, values, strict=True):
            before = total.get((kind, is_own, value), (0, first, last))
            total[kind, is_own, value] = before[0] + count, min(before[1], first), max(before[2], last)
    for (kind, is_own, value), counted in sorted(total.items(), key=lambda item: (item[0][0], str(item[0][2]))):
        text = "" if value is None else str(value)
        yield Seen(kind, is_own, fingerprint(text), text, *counted)
