"""Keeps the hourly rollups equal to the rows of the log; ``keys.log.ingest.recount`` proves it."""

from collections.abc import Collection
from typing import Any

from django.db import connection

from core.db.sql import Statement, adapt_uuid, json_recordset, to_json
from keys.log.ingest.rollup_counts import RollupCount, RollupKey
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, WorkspaceTraffic

_BATCH = 2000
Cells = dict[RollupKey, RollupCount]


# Adds cells to what is there; the database sums the distributions, so that nothing is read first.
_ADD = """
INSERT INTO {table} AS there ({owner}, endpoint, hour, status_class, count, histogram)
SELECT %s, endpoint, hour, status_class, count, histogram FROM {source} WHERE true
ON CONFLICT ({owner}, endpoint, hour, status_class) DO UPDATE SET count = there.count + excluded.count, histogram = (
    SELECT coalesce({object_of}(bucket, number), '{{}}') FROM (
        SELECT key AS bucket, sum({number}) AS number FROM (
            SELECT key, value FROM {each}(there.histogram) UNION ALL SELECT key, value FROM {each}(excluded.histogram)
        ) AS both_of GROUP BY key
    ) AS summed
)
"""
_CELL = {"hour": "timestamptz", "endpoint": "text", "status_class": "smallint", "count": "int", "histogram": "jsonb"}
_WORDS = {
    "postgresql": {"object_of": "jsonb_object_agg", "each": "jsonb_each", "number": "value::int"},
    "sqlite": {"object_of": "json_group_object", "each": "json_each", "number": "value"},
}
_LEVELS = (("keys_keytraffic", "key_id"), ("keys_workspacetraffic", "workspace_id"))
_ADD_BY_VENDOR = {
    vendor: [
        _ADD.format(table=table, owner=owner, source=json_recordset("cell", _CELL, vendor), **words)
        for table, owner in _LEVELS
    ]
    for vendor, words in _WORDS.items()
}


def adding(key: ApiKey, cells: Cells) -> list[Statement]:
    """Return what adds ``cells``, counted of rows that were new. To be run by the holder of the workspace's lock."""
    if not cells:
        return []
    listed = to_json({**cell._asdict(), "count": one.count, "histogram": one.histogram} for cell, one in cells.items())
    owners = adapt_uuid(key.pk), key.workspace_id
    return [(sql, [owner, listed]) for sql, owner in zip(_ADD_BY_VENDOR[connection.vendor], owners, strict=True)]


def note_endpoints(key: ApiKey, paths: Collection[str]) -> None:
    """Store that ``key`` has ``paths`` in its rollups."""
    if paths:
        KeyEndpoint.objects.bulk_create([KeyEndpoint(key=key, path=path) for path in sorted(paths)])


def write(model: type[KeyTraffic | WorkspaceTraffic], owner: dict[str, Any], cells: Cells) -> None:
    """Store ``cells`` in place of what is there of the same hours, endpoints and classes."""
    rows: list[Any] = [
        model(**owner, **cell._asdict(), count=sums.count, histogram=sums.histogram) for cell, sums in cells.items()
    ]
    objects: Any = model.objects  # one manager type for both models
    objects.bulk_create(
        rows,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=[next(iter(owner)).removesuffix("_id"), "endpoint", "hour", "status_class"],
        update_fields=["count", "histogram"],
    )
