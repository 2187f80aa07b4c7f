"""Retention of the request log by age and by size. Rollups, gaps and counts stay."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Sum
from django.db.models.functions import Greatest
from django.utils import timezone

from keys.log import partitions
from keys.models import ApiKey, KeyTraffic, LoggedRequest, LogValue
from keys.tallying import CONSOLE, EVERYTHING, hour_of
from workspaces.models import Workspace

# Rows a statement: locks are held for milliseconds, so that polling goes on meanwhile.
BATCH = 5000


def prune(now: datetime | None = None) -> int:
    """Remove rows that are older than settings.KEEP_REQUESTS_DAYS or beyond KEEP_REQUESTS_ROWS; return how many.

    Whole hours only, so that each rollup either equals its rows or stands for rows that are all gone. Where the log is
    partitioned, whole months go at once.
    """
    moment = now or timezone.now()
    by_age = hour_of(moment - timedelta(days=settings.KEEP_REQUESTS_DAYS))
    cutoff = max(by_age, _by_size(settings.KEEP_REQUESTS_ROWS) or by_age)
    dropped = partitions.drop_before(cutoff) if partitions.is_used() else 0
    return dropped + sum(_prune_workspace(workspace, cutoff) for workspace in Workspace.objects.all())


def _by_size(rows: int) -> datetime | None:
    """Return the hour from which on at most ``rows`` rows were logged, as the rollups say; 0 sets no limit."""
    if not rows:
        return None
    hours = KeyTraffic.objects.filter(endpoint__in=[EVERYTHING, CONSOLE]).order_by("-hour")
    left = rows
    for hour, count in hours.values_list("hour").annotate(count=Sum("count")).iterator():
        left -= count
        if left < 0:
            following: datetime = hour + timedelta(hours=1)
            return following
    return None


def _prune_workspace(workspace: Workspace, cutoff: datetime) -> int:
    keys = ApiKey.objects.of(workspace)
    total = 0
    old = LoggedRequest.objects.filter(key=OuterRef("pk"), created_at__lt=cutoff)
    for key in keys.filter(Exists(old)):
        # First, under the lock of landing: pages that upstream still shows must not bring the rows back.
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            keys.filter(pk=key.pk, kept_from__isnull=True).update(kept_from=cutoff)
            keys.filter(pk=key.pk).update(kept_from=Greatest("kept_from", models.Value(cutoff)))
        total += _delete(key, cutoff)
    LogValue.objects.of(workspace).forget_before(cutoff)
    return total


def _delete(key: ApiKey, cutoff: datetime) -> int:
    old = LoggedRequest.objects.filter(key=key, created_at__lt=cutoff).order_by("created_at")
    total = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        total += LoggedRequest.objects.filter(pk__in=batch).delete()[0]
    return total
