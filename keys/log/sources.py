"""Finds IP addresses and programs that are new to a key."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q

from keys.log.models.request import LoggedRequestQuerySet
from keys.models import ApiKey, LoggedRequest

# A source last seen longer ago than this counts as new when it returns.
MEMORY = timedelta(days=90)
# A key's first day is for learning, as everything is new then.
LEARNING = timedelta(days=1)


@dataclass(frozen=True)
class Source:
    """An IP address or program ("Program", as its User-Agent names it) that used a key."""

    what: str
    value: str
    first_seen_at: datetime


def program_name(user_agent: str) -> str:
    """Return a User-Agent's first product without its version: an update is not a new program."""
    return re.split(r"[/\s(]", user_agent.strip(), maxsplit=1)[0]


def new_sources(keys: Sequence[ApiKey], since: datetime) -> dict[UUID, list[Source]]:
    """Return by key the sources first seen after ``since``, for keys past learning, in at most five queries."""
    log = LoggedRequest.objects.by_customer().filter(key__in=keys).order_by()
    learned = set(
        log.filter(created_at__lt=since - LEARNING, created_at__gte=since - MEMORY)
        .values_list("key", flat=True)
        .distinct()
    )
    recent = log.filter(key__in=learned, created_at__gte=since)
    found: dict[UUID, list[Source]] = defaultdict(list)
    for key_id, value, at in _unknown(recent, "ip_address", since):
        found[key_id].append(Source("IP address", value, at))
    for key_id, value, at in _new_programs(_unknown(recent, "user_agent", since), since):
        found[key_id].append(Source("Program", value, at))
    return {key_id: sorted(new, key=lambda source: source.first_seen_at) for key_id, new in found.items()}


def past_new_sources(keys: Sequence[ApiKey], since: datetime, until: datetime) -> dict[UUID, list[Source]]:
    """Return by key the sources that were new to it at any time in a past interval, in three queries."""
    log = LoggedRequest.objects.by_customer().filter(key__in=keys, created_at__gte=since - MEMORY).order_by()
    log = log.filter(created_at__lt=until)
    known_from = dict(log.values_list("key").annotate(Min("created_at")))
    seen: dict[tuple[UUID, str, str], Source] = {}
    for what, field in (("IP address", "ip_address"), ("Program", "user_agent")):
        rows = log.exclude(**{field: ""}).values_list("key", field).annotate(at=Min("created_at"))
        for key_id, value, at in rows.order_by("at"):
            name = program_name(value).lower() if field == "user_agent" else value
            seen.setdefault((key_id, what, name), Source(what, value[:200], at))
    found: dict[UUID, list[Source]] = defaultdict(list)
    for (key_id, _, _), source in seen.items():
        if source.first_seen_at >= max(since, known_from[key_id] + LEARNING):
            found[key_id].append(source)
    return found


def _unknown(recent: LoggedRequestQuerySet, field: str, since: datetime) -> list[tuple[UUID, str, datetime]]:
    """Return key, value and first time of each value of ``field`` that is not in the key's earlier log."""
    earlier = LoggedRequest.objects.by_customer().filter(
        key=OuterRef("key"),
        created_at__lt=since,
        created_at__gte=since - MEMORY,
        **{field: OuterRef(field)},
    )
    rows = recent.exclude(**{field: ""}).values("key", field).annotate(at=Min("created_at"))
    return list(rows.filter(~Exists(earlier)).values_list("key", field, "at"))


def _new_programs(agents: list[tuple[UUID, str, datetime]], since: datetime) -> list[tuple[UUID, str, datetime]]:
    """Leave out other versions of programs that the key was used with before, and list each program once."""
    if not agents:
        return []
    same = Q()
    for key_id, agent, _ in agents:
        same |= Q(key=key_id, user_agent__istartswith=program_name(agent))
    earlier = LoggedRequest.objects.by_customer().filter(same, created_at__lt=since, created_at__gte=since - MEMORY)
    rows = earlier.order_by().values_list("key", "user_agent").distinct()
    known = {(key_id, program_name(agent).lower()) for key_id, agent in rows}
    first: dict[tuple[UUID, str], tuple[UUID, str, datetime]] = {}
    for key_id, agent, at in sorted(agents, key=lambda row: row[2]):
        if (key_id, program_name(agent).lower()) not in known:
            first.setdefault((key_id, program_name(agent).lower()), (key_id, agent[:200], at))
    return list(first.values())
