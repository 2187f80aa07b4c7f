"""Keeps the hourly rollups equal to the rows of the log, and proves it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from keys.log import values
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, LoggedRequest, WorkspaceTraffic
from keys.tallying import Cell, Countable, Row, Tally, tally
from workspaces.models import Workspace
from workspaces.statements import Statement, in_json, rows_of, stored_id

_VALUES = ("hour", "endpoint", "status_class", "count", "histogram")
_BATCH = 2000
Cells = dict[Cell, Tally]


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
        _ADD.format(table=table, owner=owner, source=rows_of("cell", _CELL, vendor), **words)
        for table, owner in _LEVELS
    ]
    for vendor, words in _WORDS.items()
}


def adding(key: ApiKey, cells: Cells) -> list[Statement]:
    """Return what adds ``cells``, counted of rows that were new. To be run by the holder of the workspace's lock."""
    if not cells:
        return []
    listed = in_json({**cell._asdict(), "count": one.count, "histogram": one.histogram} for cell, one in cells.items())
    owners = stored_id(key.pk), key.workspace_id
    return [(sql, [owner, listed]) for sql, owner in zip(_ADD_BY_VENDOR[connection.vendor], owners, strict=True)]


def tallied(key: ApiKey, rows: Iterable[Countable]) -> Cells:
    """Count ``rows`` of ``key``, and note the endpoints that are new to it."""
    known = set(key.endpoints.values_list("path", flat=True))
    endpoints = set(known)
    cells = tally(rows, endpoints)
    note_endpoints(key, endpoints - known)
    return cells


def note_endpoints(key: ApiKey, paths: Collection[str]) -> None:
    """Store that ``key`` has ``paths`` in its rollups."""
    if paths:
        KeyEndpoint.objects.bulk_create([KeyEndpoint(key=key, path=path) for path in sorted(paths)])


def _write(model: type[KeyTraffic | WorkspaceTraffic], owner: dict[str, Any], cells: Cells) -> None:
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


def _stored(model: type[KeyTraffic | WorkspaceTraffic], owner: dict[str, Any], **conditions: Any) -> Cells:
    rows: Iterable[tuple[Any, ...]] = model.objects.filter(**owner, **conditions).values_list(*_VALUES)
    return {Cell(*row[:3]): Tally(row[3], row[4]) for row in rows}


def recount(workspace: Workspace, *, repair: bool = False) -> Iterator[str]:
    """Count the log again and yield a sentence for each cell that differs; with ``repair`` set it right.

    Each key is counted under the workspace's lock, so that no page lands meanwhile.
    """
    for key in ApiKey.objects.of(workspace).order_by("pk"):
        with transaction.atomic():
            _lock(workspace)
            yield from _compare(KeyTraffic, {"key": key}, _counted(key), key.kept_from, repair=repair)
            if repair:
                values.recount(key)
    with transaction.atomic():
        _lock(workspace)
        sums: Cells = {}
        of_keys = KeyTraffic.objects.filter(key__workspace=workspace).values_list(*_VALUES)
        for row in of_keys.iterator(_BATCH):
            sums.setdefault(Cell(*row[:3]), Tally()).add(row[3], row[4])
        yield from _compare(WorkspaceTraffic, {"workspace_id": workspace.pk}, sums, None, repair=repair)


def _lock(workspace: Workspace) -> None:
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def _counted(key: ApiKey) -> Cells:
    rows = LoggedRequest.objects.filter(key=key).order_by("pk").values_list(*Row._fields)
    return tallied(key, (Row(*row) for row in rows.iterator(_BATCH)))


def _compare(
    model: type[KeyTraffic | WorkspaceTraffic],
    owner: dict[str, Any],
    counted: Cells,
    since: datetime | None,
    *,
    repair: bool,
) -> Iterator[str]:
    """Compare the hours from ``since`` on: of earlier ones the rows are pruned, and only the rollup is left."""
    stored = _stored(model, owner, **({"hour__gte": since} if since else {}))
    wrong = [cell for cell in sorted(counted.keys() | stored.keys()) if counted.get(cell) != stored.get(cell)]
    if repair and wrong:
        for cell in wrong:
            model.objects.filter(**owner, **cell._asdict()).delete()
        _write(model, owner, {cell: counted[cell] for cell in wrong if cell in counted})
    yield from (_difference(cell, stored, counted) for cell in wrong)


def _difference(cell: Cell, stored: Mapping[Cell, Tally], counted: Mapping[Cell, Tally]) -> str:
    there, true = (cells.get(cell, Tally()).count for cells in (stored, counted))
    what = f"{cell.endpoint or 'everything'} {cell.status_class}xx"
    return f"{cell.hour:%Y-%m-%d %H:00} {what}: the rollup says {there}, the log {true}"
