"""Deletes many rows without holding locks for long."""

from typing import Any

from django.db.models import QuerySet

# Rows per statement. Few enough to hold locks for milliseconds only, so that polling can go on.
BATCH = 1000


def delete_in_batches(rows: QuerySet[Any]) -> int:
    """Delete ``rows`` in batches, with cascades; return how many there were."""
    total = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        rows.model._default_manager.filter(pk__in=batch).delete()  # noqa: SLF001 - Django's documented way to ask
        total += len(batch)
    return total
