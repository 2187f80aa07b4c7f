"""Keeps the hourly rollups equal to the rows of the log, and proves it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from keys.log import values
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, LoggedRequest, WorkspaceTraffic
from keys.tallying import Cell, Row, Tally, tally
from workspaces.models import Workspace

if TYPE_CHECKING:
    from keys.log.storing import NewRow

_VALUES = ("hour", "endpoint", "status_class", "count", "histogram")
_BATCH = 2000
Cells = dict[Cell, Tally]


# Adds cells to both levels where they are: PostgreSQL sums the distributions, so that nothing is read first.
_MERGED = """(
    SELECT coalesce(jsonb_object_agg(bucket, number), '{}') FROM (
        SELECT bucket, sum(number::int) FROM (
            SELECT * FROM jsonb_each_text(there.histogram) UNION ALL SELECT * FROM jsonb_each_text(excluded.histogram)
        ) AS both_of (bucket, number) GROUP BY bucket
    ) AS summed (bucket, number)
)"""
_INSERT = """
INSERT INTO {table} AS there ({owner}, endpoint, hour, status_class, count, histogram) SELECT %s, * FROM cell
ON CONFLICT ({owner}, endpoint, hour, status_class)
DO UPDATE SET count = there.count + excluded.count, histogram = {merged}
"""
_ADD = (
    "WITH cell AS (SELECT * FROM unnest("  # noqa: S608 - no part comes from outside
    "%s::text[], %s::timestamptz[], %s::smallint[], %s::int[], %s::jsonb[])), of_key"
    f" AS ({_INSERT.format(table='keys_keytraffic', owner='key_id', merged=_MERGED)})"
    f" {_INSERT.format(table='keys_workspacetraffic', owner='workspace_id', merged=_MERGED)}"
)


def add(key: ApiKey, fresh: "Sequence[LoggedRequest | NewRow]") -> None:
    """Count rows that were really new. The caller holds the workspace's lock, so nobody else writes these cells."""
    if not fresh:
        return
    cells = _tally(key, (Row(r.created_at, r.path, r.status_code, r.duration_ms, r.is_own_call) for r in fresh))
    if connection.vendor == "postgresql":
        listed = [
            (cell.endpoint, cell.hour, cell.status_class, one.count, one.histogram) for cell, one in cells.items()
        ]
        *columns, histograms = (list(column) for column in zip(*listed, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [*columns, [json.dumps(one) for one in histograms], key.pk, key.workspace_id])
        return
    _add_to(KeyTraffic, {"key": key}, cells)
    _add_to(WorkspaceTraffic, {"workspace_id": key.workspace_id}, cells)


def _tally(key: ApiKey, rows: Iterable[Row]) -> Cells:
    known = set(key.endpoints.values_list("path", flat=True))
    endpoints = set(known)
    cells = tally(rows, endpoints)
    if endpoints != known:
        KeyEndpoint.objects.bulk_create([KeyEndpoint(key=key, path=path) for path in sorted(endpoints - known)])
    return cells


def _add_to(model: type[KeyTraffic | WorkspaceTraffic], owner: dict[str, Any], cells: Cells) -> None:
    """Add ``cells`` to what is stored: one statement reads the cells of these hours, one writes the sums."""
    there = _stored(model, owner, hour__in={cell.hour for cell in cells})
    sums: Cells = {cell: there.get(cell, Tally()) for cell in cells}
    for cell, more in cells.items():
        sums[cell].add(more.count, more.histogram)
    _write(model, owner, sums)


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
    return _tally(key, (Row(*row) for row in rows.iterator(_BATCH)))


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
