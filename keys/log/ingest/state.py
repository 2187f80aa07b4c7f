"""What is known of a key's log before a page of it lands; on PostgreSQL asked in two round trips."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from core.db.sql import execute_batch
from keys.log import partitions
from keys.log.ingest import gaps
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Workspace

_LOCK = "SELECT FROM workspaces_workspace WHERE id = %s FOR NO KEY UPDATE"
# All that a landing asks of a key, in the order in which the model has it.
_WANTED = {
    "id", "workspace_id", "key_id", "upstream_id", "request_count", "last_used_at", "read_at", "captured_since",
    "captured_count", "count_before", "missed_count", "kept_from", "settled_count", "count_restarted_at",
}  # fmt: skip
_FIELDS = [field.attname for field in ApiKey._meta.concrete_fields if field.attname in _WANTED]  # noqa: SLF001
_STANDING = f"""
SELECT ARRAY(SELECT path FROM keys_keyendpoint WHERE key_id = keys_apikey.id),
    EXISTS (SELECT FROM keys_loggap WHERE key_id = keys_apikey.id), {", ".join(_FIELDS)}
FROM keys_apikey WHERE workspace_id = %s AND upstream_id = %s
"""  # noqa: S608 - the names are ours
# The times say nothing new; they spare looking into the partitions of other months. The ids are split by PostgreSQL
# before it plans, so that it knows how many they are.
_KNOWN = """
SELECT upstream_id, created_at FROM keys_loggedrequest WHERE key_id = %s AND created_at BETWEEN %s AND %s
AND upstream_id = ANY (string_to_array(%s, %s))
"""
# What tells a row from the others of its key: upstream's id, and the time.
RowName = tuple[str, datetime]
_BETWEEN_IDS = "\x1f"  # stored texts hold no control character (``core.sanitize``)
_NEWER = "SELECT count(*) FROM keys_loggedrequest WHERE key_id = %s AND created_at > %s AND created_at <= %s"


@dataclass
class Standing:
    """A key whose log is about to grow: the endpoints in its rollups, and whether gaps are known of."""

    key: ApiKey
    endpoints: set[str]
    has_gaps: bool


def standing_of(workspace: Workspace, upstream_id: str) -> Standing | None:
    """Let no other page of the workspace land meanwhile, and return how its key stands now; None if it is gone."""
    if connection.vendor == "postgresql":
        owner = [workspace.pk, upstream_id]
        _, found = execute_batch((_LOCK, [workspace.pk]), (_STANDING, owner))
        return next((_standing(*row) for row in found), None)
    # SQLite lets one transaction write at a time, and this one is to.
    key = ApiKey.objects.of(workspace).filter(upstream_id=upstream_id).first()
    if key is None:
        return None
    return Standing(key, set(key.endpoints.values_list("path", flat=True)), key.gaps.exists())


def _standing(endpoints: list[str], has_gaps: bool, *fields: Any) -> Standing:
    return Standing(ApiKey.from_db(connection.alias, _FIELDS, fields), set(endpoints), has_gaps)


@dataclass
class Known:
    """What is stored: names of rows that a page holds too, and how many rows are newer than upstream's last count."""

    names: set[RowName]
    newer: int


def known_of(key: ApiKey, page: Iterable[RowName], read_at: datetime) -> Known:
    """Return what is stored beside a page, given by its rows' names; sees to it that the others can be."""
    ids, times = zip(*page, strict=True)
    counted_until, latest = key.last_used_at, gaps.latest_sound(key, read_at)
    if connection.vendor != "postgresql":
        rows = LoggedRequest.objects.filter(key=key)
        names = set(rows.filter(upstream_id__in=ids).values_list("upstream_id", "created_at"))
        newer = rows.filter(created_at__gt=counted_until, created_at__lte=latest).count() if counted_until else 0
        return Known(names, newer)
    wanted = [at for at in times if key.kept_from is None or at >= key.kept_from]
    of_page = (_KNOWN, [key.pk, min(times), max(times), _BETWEEN_IDS.join(ids), _BETWEEN_IDS])
    since = (_NEWER, [key.pk, counted_until, latest])
    found, ((newer,),), missing = execute_batch(of_page, since, partitions.missing(wanted))
    partitions.make(name for (name,) in missing)
    return Known({(upstream_id, at) for upstream_id, at in found}, newer)
