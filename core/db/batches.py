"""Deletes many rows without holding locks for long, and updates many in few statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model, QuerySet

# Rows per statement. Few enough to hold locks for milliseconds only, so that polling can go on.
BATCH = 1000


def delete_in_batches(rows: QuerySet[Any]) -> int:
    """Delete ``rows`` in batches, with cascades; return how many there were."""
    total = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=batch).delete()  # noqa: SLF001 - Django's documented way to ask
        total += len(batch)
    return total


def update_many(rows: Iterable[Model], fields: Sequence[str]) -> None:
    """Store ``fields`` of ``rows``, which are of one model: one statement for all that agree in every field.

    Only the rest is left to Django's ``bulk_update``, which resolves an expression for each value: seconds for
    thousands of rows.
    """
    alike: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        alike[repr([getattr(row, name) for name in fields])].append(row)
    unlike = [group[0] for group in alike.values() if len(group) == 1]
    for group in alike.values():
        for begin in range(0, len(group) if len(group) > 1 else 0, BATCH):
            some = type(group[0])._default_manager.filter(pk__in=[row.pk for row in group[begin : begin + BATCH]])  # noqa: SLF001 - as above
            some.update(**{name: getattr(group[0], name) for name in fields})
    if unlike:
        type(unlike[0])._default_manager.bulk_update(unlike, fields, batch_size=BATCH // 5)  # noqa: SLF001 - as above
