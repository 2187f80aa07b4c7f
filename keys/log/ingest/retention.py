"""Retention of the request log by age and by size. Rollups, gaps and counts stay."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import Greatest

from core import clock
from core.db.rollups import hour_of
from keys.log.models import partitions
from keys.log.models.rollup import CONSOLE, EVERYTHING
from keys.models import ApiKey, LogFacet, LoggedRequest, WorkspaceTraffic
from workspaces.models import Workspace

# Rows per statement: 5,000 held SQLite's lock for 1.6 s on a busy machine, and polling waited.
BATCH = 1500
# With a retention this long, a month more or less matters little, and whole months can be dropped at once.
_DAYS_IN_MONTHS = 62


def prune(now: datetime | None = None) -> int:
    """Remove rows older than settings.KEEP_REQUESTS_DAYS or beyond a workspace's KEEP_REQUESTS_ROWS; return how many.

    Only whole hours are removed, so that a rollup either equals its rows or outlives all of them; and never the current
    or the previous hour, for which pages still arrive. Where the log is partitioned, whole months are dropped at once.
    """
    now = now or clock.now()
    # If a clock was ahead when ``kept_from`` was set, new rows must not be kept out.
    ApiKey.objects.filter(kept_from__gt=now).update(kept_from=hour_of(now))
    by_age = hour_of(now - timedelta(days=settings.KEEP_REQUESTS_DAYS))
    if partitions.is_used() and settings.KEEP_REQUESTS_DAYS >= _DAYS_IN_MONTHS:
        by_age = partitions.month_of(by_age)
    cutoffs = {one: max(by_age, _by_size(one, now) or by_age) for one in Workspace.objects.all()}
    for workspace, cutoff in cutoffs.items():
        _note(workspace, cutoff)
    dropped = partitions.drop_before(by_age) if partitions.is_used() else 0
    return dropped + sum(_delete(workspace, cutoff, by_age) for workspace, cutoff in cutoffs.items())


def _by_size(workspace: Workspace, now: datetime) -> datetime | None:
    """Return the hour since which a workspace has at most KEEP_REQUESTS_ROWS rows, according to its rollups."""
    left: int = settings.KEEP_REQUESTS_ROWS
    if not left:
        return None
    hours = WorkspaceTraffic.objects.filter(workspace=workspace, endpoint__in=[EVERYTHING, CONSOLE]).order_by("-hour")
    for hour, count in hours.values_list("hour").annotate(count=Sum("count")).iterator():
        left -= count
        if left < 0:
            last: datetime = min(hour, hour_of(now) - timedelta(hours=2))
            return last + timedelta(hours=1)
    return None


def _note(workspace: Workspace, cutoff: datetime) -> None:
    """Set ``kept_from`` on keys with older rows before deleting them, so that upstream's pages do not restore them."""
    keys = ApiKey.objects.of(workspace)
    old = LoggedRequest.objects.filter(key=OuterRef("pk"), created_at__lt=cutoff)
    with transaction.atomic():
        Workspace.objects.lock(workspace.pk)  # the lock that ingest takes
        having = list(keys.filter(Exists(old)).values_list("pk", flat=True))
        keys.filter(pk__in=having, kept_from__isnull=True).update(kept_from=cutoff)
        keys.filter(pk__in=having).update(kept_from=Greatest("kept_from", models.Value(cutoff)))


def _delete(workspace: Workspace, cutoff: datetime, by_age: datetime) -> int:
    """Delete rows older than ``cutoff``, except in months that will be dropped whole."""
    old = LoggedRequest.objects.filter(workspace=workspace, created_at__lt=cutoff)
    if partitions.is_used():
        old = old.filter(Q(created_at__gte=partitions.month_of(by_age)) | Q(created_at__lt=partitions.FIRST))
    total = 0
    while batch := list(old.order_by("created_at").values_list("pk", "created_at")[:BATCH]):
        within = {"created_at__range": (batch[0][1], batch[-1][1])}  # spares PostgreSQL other partitions
        total += LoggedRequest.objects.filter(pk__in=[pk for pk, _ in batch], **within).delete()[0]
    LogFacet.objects.of(workspace).forget_before(cutoff)
    return total
