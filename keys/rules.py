"""Alert rules about keys, following upstream's authentication guide: unexpected use, errors, expiry."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import TruncHour

from alerts.engine.rule_kinds import (
    DefaultRule,
    Fact,
    NoData,
    Observation,
    Observations,
    RuleKind,
    read_once,
    register,
    register_summary,
)
from alerts.models import Rule
from core import clock
from core.formatting import format_duration, format_duration_floor, format_number, format_quantity, time_marker
from keys.log import rule_history, sources
from keys.log.rule_history import (
    DAY,
    FEWEST,
    HOUR,
    PATTERN,
    busy_hour,
    customer_requests,
    least_of,
    percent_failed,
    times_usual,
)
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Poll, Workspace
from workspaces.polling.registry import KEYS, LIGHT_KEYS

RESOURCES = frozenset({KEYS, LIGHT_KEYS})


@dataclass(frozen=True)
class WatchedKeys:
    """The keys in use of each workspace that the rules cover, or why they are unknown."""

    known: Mapping[int, list[ApiKey] | NoData]

    @classmethod
    def by(cls, rules: Sequence[Rule], now: datetime) -> "WatchedKeys":
        """Return the keys that ``rules`` cover."""
        return _watch(frozenset(rule.workspace for rule in rules), now)

    @classmethod
    def of(cls, covered: Iterable[Workspace], now: datetime) -> "WatchedKeys":
        """Read the keys of ``covered``, in two queries however many they are."""
        workspaces = {workspace.pk: workspace for workspace in covered}
        polls, keys = defaultdict(list), defaultdict(list)
        for poll in Poll.objects.filter(workspace__in=workspaces, resource__in=RESOURCES):
            polls[poll.workspace_id].append(poll)
        for key in ApiKey.objects.filter(workspace__in=workspaces).active(now):
            key.workspace = workspaces[key.workspace_id]
            keys[key.workspace_id].append(key)
        return cls({pk: _problem_of(polls[pk]) or keys[pk] for pk in workspaces})

    @property
    def keys(self) -> list[ApiKey]:
        return [key for keys in self.known.values() if not isinstance(keys, NoData) for key in keys]

    def observations(
        self, rules: Sequence[Rule], observe: Callable[[ApiKey, Rule], Observation | None]
    ) -> Mapping[int, Observations]:
        """Return the observations of each rule: ``observe`` for each key of its workspace, leaving out None."""
        found: dict[int, Observations] = {}
        for rule in rules:
            keys = self.known[rule.workspace_id]
            readings = keys if isinstance(keys, NoData) else [seen for key in keys if (seen := observe(key, rule))]
            found[rule.pk] = readings
        return found


@read_once
def _watch(workspaces: frozenset[Workspace], now: datetime) -> WatchedKeys:
    return WatchedKeys.of(workspaces, now)


def _problem_of(polls: Sequence[Poll]) -> NoData | None:
    """Return why the keys' current state is unknown, judging by the polls of their lists."""
    running = [poll for poll in polls if not poll.paused_reason]
    if not any(poll.last_success_at for poll in polls):
        return NoData("The keys have not been read yet.")
    if not running:
        return NoData(polls[0].paused_reason)
    if all(poll.is_stale for poll in running):
        return NoData(f"The keys are out of date: {running[0].last_error or 'no reading came in time'}")
    return None


def _observation(key: ApiKey, value: Decimal, headline: str, facts: Sequence[Fact] = ()) -> Observation:
    about = (("Key", f"{key.label} ({key.masked})"), *facts)
    return Observation(value, f"{key.label}: {headline}", str(key.key_id), key.label, key.get_absolute_url(), about)


# --- used from somewhere new ----------------------------------------------------------------------------------


def read_new_sources(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return how many IP addresses and programs were new to each key within the last day."""
    watched = WatchedKeys.by(rules, now)
    new = sources.new_sources(watched.keys, now - DAY)
    return watched.observations(rules, lambda key, _: _new_source(key, new.get(key.pk, [])))


def _new_source(key: ApiKey, found: Sequence[sources.Source]) -> Observation:
    if not found:
        return _observation(key, Decimal(0), "nothing new in the last 24 hours")
    facts = [(source.what, f"{source.value}, first seen {time_marker(source.first_seen_at)}") for source in found[:10]]
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return _observation(
        key, Decimal(len(found)), f"used from a new {first.what.lower()}, {first.value[:80]}{more}", facts
    )


# --- an idle key wakes ----------------------------------------------------------------------------------------


def read_waking(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return how many days each key used in the last day had been unused before."""
    watched, since = WatchedKeys.by(rules, now), now - DAY
    first = _by_key(customer_requests(watched.keys, since, now + DAY).values_list("key").annotate(Min("created_at")))
    earlier = LoggedRequest.objects.by_customer().filter(key__in=list(first), created_at__lt=since).order_by()
    before = _by_key(earlier.values_list("key").annotate(Max("created_at")))
    return watched.observations(
        rules, lambda key, _: _waking(key, first.get(key.pk), before.get(key.pk) or key.unused_since)
    )


def _by_key(rows: QuerySet[LoggedRequest, Any]) -> dict[object, datetime]:
    return dict(rows)


def _waking(key: ApiKey, used_at: datetime | None, before: datetime | None) -> Observation:
    if used_at is None or before is None or used_at < before:
        return _observation(key, Decimal(0), "has not just woken")
    idle = used_at - before
    facts = (("Used again", time_marker(used_at)), ("Before that", time_marker(before)))
    return _observation(key, Decimal(idle.days), f"used again after {format_duration(idle)}", facts)


# --- rate -----------------------------------------------------------------------------------------------------


def read_rate(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return, for each key, the last hour's requests as a multiple of its own busy hour."""
    watched = WatchedKeys.by(rules, now)
    latest = dict(customer_requests(watched.keys, now - HOUR, now + HOUR).values_list("key").annotate(Count("pk")))
    # Only keys with enough requests need a look at their past.
    busy = [key for key in watched.keys if latest.get(key.pk, 0) >= FEWEST]
    usual = _busy_hours(busy, now) if busy else {}
    return watched.observations(rules, lambda key, _: _rate(key, latest.get(key.pk, 0), usual.get(key.pk)))


def _busy_hours(keys: Sequence[ApiKey], now: datetime) -> dict[object, int]:
    """Return the number of requests in each key's busy hour, for keys known for at least a day."""
    rows = customer_requests(keys, now - PATTERN, now - HOUR).annotate(hour=TruncHour("created_at"))
    hours: dict[object, list[int]] = defaultdict(list)
    for key_id, _, count in rows.values_list("key", "hour").annotate(Count("pk")):
        hours[key_id].append(count)
    first = dict(customer_requests(keys, now - PATTERN, now).values_list("key").annotate(Min("created_at")))
    return {key_id: busy_hour(sorted(counts)) for key_id, counts in hours.items() if now - first[key_id] >= DAY}


def _rate(key: ApiKey, count: int, usual: int | None) -> Observation:
    if usual is None:
        return _observation(key, Decimal(0), f"{format_quantity(count, 'requests')} in the last hour")
    times = times_usual(count, usual)
    counted = "" if usual >= FEWEST else f", counted as {FEWEST}"
    busy = f"{format_quantity(usual, 'requests')}{counted}"
    headline = f"{format_number(count)} requests in an hour, {format_number(times)} times its busy hours ({busy})"
    return _observation(key, times, headline, (("Busy hours so far", busy),))


# --- errors ---------------------------------------------------------------------------------------------------


def read_errors(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the percentage of each key's requests in the last hour that were answered with 4xx or 5xx."""
    watched = WatchedKeys.by(rules, now)
    failed = Count("pk", filter=Q(status_code__gte=400))
    rows = (
        customer_requests(watched.keys, now - HOUR, now + HOUR).values_list("key").annotate(Count("pk"), failed=failed)
    )
    counts = {row[0]: (row[1], row[2]) for row in rows}
    return watched.observations(rules, lambda key, rule: _errors(key, *counts.get(key.pk, (0, 0)), least_of(rule)))


def _errors(key: ApiKey, count: int, failed: int, least: int) -> Observation:
    share = percent_failed(count, failed, least)
    headline = f"{format_number(share)}% errors" if share else "few errors"
    facts = (("Last hour", f"{format_number(failed)} of {format_number(count)} requests returned 4xx or 5xx"),)
    return _observation(key, share, headline, facts)


def _least_field() -> forms.Field:
    label, words = "Of at least how many requests in the hour", "A single failure of three calls is no trend."
    return forms.IntegerField(label=label, min_value=1, max_value=100_000, initial=FEWEST, help_text=words)


# --- expiry ---------------------------------------------------------------------------------------------------


def read_expiry(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return in how many days each key expires, for keys that do."""
    return WatchedKeys.by(rules, now).observations(rules, lambda key, _: _expiry(key, now))


def _expiry(key: ApiKey, now: datetime) -> Observation | None:
    if key.expires_at is None:
        return None
    left = key.expires_at - now
    used = f"last used {time_marker(key.last_used_at)}" if key.last_used_at else "never used"
    facts = (("Expires", time_marker(key.expires_at)), ("Use", used))
    return _observation(key, Decimal(round(left / DAY, 2)), f"expires in {format_duration_floor(left)}", facts)


def summarize(workspace: Workspace, since: datetime) -> Sequence[Fact]:
    """Return the facts about keys for a summary."""
    now = clock.cached_now()
    keys = list(ApiKey.objects.of(workspace).active(now))
    failed = Count("pk", filter=Q(status_code__gte=400))
    found = customer_requests(keys, since, now).aggregate(all=Count("pk"), failed=failed)
    soon = sum(1 for key in keys if key.expires_at and key.expires_at - now <= 7 * DAY)
    facts = [("Active keys", format_number(len(keys)) + (f", {soon} expiring within 7 days" if soon else ""))]
    return [
        *facts,
        (
            "Requests",
            f"{format_number(found['all'])}, {format_number(found['failed'])} of them returned 4xx or 5xx",
        ),
    ]


register(
    RuleKind(
        name="key_new_source",
        label="Key used from somewhere new",
        explanation="Fires when a key is used from an IP address or by a program that it was not used with before. "
        "During a key's first day it only learns. Resolves when nothing new was seen for 24 hours.",
        direction="above",
        unit="new sources",
        read=read_new_sources,
        describe=lambda _: "a key is used from a new IP address or by a new program",
        resources=RESOURCES,
        position=30,
        is_flag=True,
        history=rule_history.new_sources,
        defaults=(DefaultRule("Key used from somewhere new", "warning", Decimal(0), Decimal(0)),),
    )
)
register(
    RuleKind(
        name="key_wakes",
        label="Idle key wakes",
        explanation="Fires when a key is used after a longer break than this. Resolves after 24 hours.",
        direction="above",
        unit="days",
        end=3650,
        read=read_waking,
        describe=lambda rule: f"a key is used after more than {format_quantity(rule.threshold, 'days')} without use",
        resources=RESOURCES,
        position=30,
        history=rule_history.waking,
        defaults=(DefaultRule("Idle key wakes", "warning", Decimal(30), Decimal(0)),),
    )
)
register(
    RuleKind(
        name="key_rate",
        label="Key far above its own pattern",
        explanation="Fires when a key made this many times as many requests in the last hour as in its busy hours (of "
        f"the last {PATTERN.days} days, 95 of 100 hours were quieter). Fewer than {FEWEST} requests an hour never "
        f"fire, and busy hours with fewer count as {FEWEST}.",
        direction="above",
        unit="times its busy hours",
        read=read_rate,
        describe=lambda rule: (
            f"a key makes more than {format_number(rule.threshold)} times the requests of its busy hours"
        ),
        resources=RESOURCES,
        position=30,
        history=rule_history.rate,
        defaults=(DefaultRule("Key far above its own pattern", "warning", Decimal(3), Decimal(2)),),
    )
)
register(
    RuleKind(
        name="key_errors",
        label="Errors of a key above",
        explanation="Fires when more than this share of a key's requests in the last hour returned 4xx or 5xx.",
        direction="above",
        unit="%",
        read=read_errors,
        describe=lambda rule: f"more than {format_number(rule.threshold)}% of a key's requests in the last hour fail",
        parameters={"least": _least_field},
        resources=RESOURCES,
        position=30,
        end=100,
        history=rule_history.errors,
        defaults=(DefaultRule("Many errors", "warning", Decimal(20), Decimal(10), 300, 0, {"least": FEWEST}),),
    )
)
register(
    RuleKind(
        name="key_expires",
        label="Key expires within",
        explanation="Fires when an active key expires in fewer days than this. Cleanlist cannot extend a key: "
        "create a new one and switch over before.",
        direction="below",
        unit="days",
        read=read_expiry,
        describe=lambda rule: f"an active key expires in less than {format_quantity(rule.threshold, 'days')}",
        resources=RESOURCES,
        position=30,
        end=0,
        history=rule_history.expiry,
        descending=True,
        defaults=(DefaultRule("Key expires soon", "warning", Decimal(7), Decimal(7)),),
    )
)
register_summary(summarize)
