"""Recent use of keys and warnings about it, in a fixed number of queries however many keys there are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.http import urlencode

from core.db.query_timeout import QueryTimeout, time_limit
from core.db.rollups import hour_of
from keys.log.canonical import is_canonical_ip
from keys.models import ApiKey, KeyTraffic, LogFacet, LoggedRequest
from keys.models.key import ApiKeyQuerySet
from keys.status import LAST_DAY, Level
from workspaces.models import Workspace

HOURS = 36
UNHEALTHY_SHARE = 0.10
# A tenth of fewer requests a day means nothing.
LEAST_REQUESTS = 10
# Limit on new IP addresses, for all keys together.
MOST_NEW_ADDRESSES = 200
SECONDS = 1.0


@dataclass(frozen=True)
class KeyBadge:
    """A warning about a key: a short text, the reason with figures, and a link to the next step."""

    level: Level
    text: str
    reason: str
    url: str
    step: str


@dataclass
class KeyActivity:
    """Requests per hour, oldest first, and the last day's requests by status class."""

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    day: Counter[int] = field(default_factory=Counter)
    limited: int = 0
    new_addresses: list[str] = field(default_factory=list)
    badges: list[KeyBadge] = field(default_factory=list)


def with_activity(keys: ApiKeyQuerySet, since: datetime) -> ApiKeyQuerySet:
    """Annotate each key with the customer's latest request and ``requests_since``, from the mirrored log."""
    own = LoggedRequest.objects.by_customer().filter(key=OuterRef("pk"))
    latest = own.newest_first()
    counted = own.filter(created_at__gte=since).order_by().values("key").annotate(n=Count("pk")).values("n")
    return keys.annotate(
        last_request_at=Subquery(latest.values("created_at")[:1]),
        last_method=Subquery(latest.values("method")[:1]),
        last_path=Subquery(latest.values("path")[:1]),
        last_ip=Subquery(latest.values("ip_address")[:1]),
        requests_since=Coalesce(Subquery(counted), 0),
    )


def key_activity(workspace: Workspace, keys: Sequence[ApiKey], now: datetime) -> dict[UUID, KeyActivity]:
    """Return the activity, by primary key, of the ``keys`` that have had their log read at least once."""
    found = {key.pk: KeyActivity() for key in keys if key.captured_since is not None}
    first = hour_of(now) - timedelta(hours=HOURS - 1)
    day = hour_of(now) - timedelta(hours=23)
    # mypy's plugin sees only the columns of the abstract model.
    rollups: Any = KeyTraffic.objects.filter(key__in=list(found)).everything().filter(hour__gte=first)
    for key_id, hour, number, n in rollups.values_list("key_id", "hour", "status_class").annotate(n=Sum("count")):
        index = int((hour - first).total_seconds() // 3600)
        if index < HOURS:  # upstream's clock may be ahead
            found[key_id].hours[index] += n
        if hour >= day:
            found[key_id].day[number] += n
    try:
        with time_limit(SECONDS):
            _add_limited(workspace, found, day)
            _add_ip_addresses(workspace, {key.pk: key for key in keys if key.pk in found}, found, now - LAST_DAY)
    except QueryTimeout:
        pass  # the hourly counts are complete; badges that take too long are left out
    for key in keys:
        if key.pk in found:
            found[key.pk].badges = list(_badges(workspace, key, found[key.pk], now))
    return found


def _add_limited(workspace: Workspace, found: dict[UUID, KeyActivity], since: datetime) -> None:
    limited = LoggedRequest.objects.of(workspace).by_customer().filter(status_code=429).by_hour().between(since, None)
    for key_id, n in limited.order_by().values_list("key").annotate(n=Count("pk")):
        if key_id in found:
            found[key_id].limited = n


def _add_ip_addresses(
    workspace: Workspace, keys: dict[UUID, ApiKey], found: dict[UUID, KeyActivity], since: datetime
) -> None:
    """Add IP addresses that are new to a key, if its log reaches back before ``since``."""
    values = LogFacet.objects.of(workspace).by_customer().filter(kind=LogFacet.Kind.IP).exclude(value="")
    # A key's very first IP address does not count as new.
    used = set(values.filter(first_seen_at__lt=since).values_list("key", flat=True).distinct())
    recent = values.filter(first_seen_at__gte=since).order_by("first_seen_at").values_list("key", "value")
    for key_id, ip in recent[:MOST_NEW_ADDRESSES]:
        if key_id in used and _reaches_back(keys.get(key_id), since):
            found[key_id].new_addresses.append(ip)


def _reaches_back(key: ApiKey | None, since: datetime) -> bool:
    return key is not None and key.captured_since is not None and key.captured_since < since


def _badges(workspace: Workspace, key: ApiKey, activity: KeyActivity, now: datetime) -> Iterable[KeyBadge]:
    log = reverse("keys:requests", args=[workspace.slug, key.key_id])
    total, rejected = sum(activity.day.values()), activity.day[4] - activity.limited
    if total >= LEAST_REQUESTS and rejected > UNHEALTHY_SHARE * total:
        reason = f"{rejected:,} of {total:,} requests of the last 24 hours were rejected"
        yield KeyBadge("danger", f"{rejected / total:.0%} rejected", reason, f"{log}?since=24h&status=4xx", "See which")
    if total >= LEAST_REQUESTS and activity.limited > UNHEALTHY_SHARE * total:
        reason = f"{activity.limited:,} of {total:,} requests of the last 24 hours were over the rate limit"
        url = f"{log}?since=24h&status=429"
        yield KeyBadge("warning", f"{activity.limited / total:.0%} rate limited", reason, url, "See when")
    if key.is_usable and key.expires_at is not None and key.expires_at - now <= LAST_DAY:
        reason = "Requests with it fail from then on"
        yield KeyBadge(
            "danger", "Ends within a day", reason, reverse("keys:new", args=[workspace.slug]), "Create its successor"
        )
    if activity.new_addresses:
        first, *others = activity.new_addresses
        reason = f"Used from {first}{f' and {len(others)} more' if others else ''} for the first time"
        query = urlencode({"ip": first} if is_canonical_ip(first) else {"since": "24h"})
        yield KeyBadge("warning", "New IP address", reason, f"{log}?{query}", "See its requests")
