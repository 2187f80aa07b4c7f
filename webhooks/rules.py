"""Rule kinds about webhooks: an endpoint fails several deliveries in a row, or too many of the latest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar, cast

from django import forms
from django.db.models import Count, Max, Q
from django.urls import NoReverseMatch, reverse

from alerts.engine.rule_kinds import (
    DataPoint,
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
from core.db.sql import ValuesRow
from core.formatting import format_number, format_quantity
from webhooks import health, tracked_workflows
from webhooks.filters import link_to
from webhooks.models import Delivery, DeliveryState
from webhooks.reasons import reason_named
from workspaces.models import Poll, Workspace

RESOURCES = frozenset({tracked_workflows.DELIVERIES, tracked_workflows.WORKFLOW_DELIVERIES})
DEFAULT_STREAK, DEFAULT_MINUTES, DEFAULT_MINIMUM = 3, 60, 5
# Deliveries for which upstream gives no URL belong to one endpoint without a name.
NO_HOST_LABEL = "(unknown address)"
# The lengths of an alert's columns for an endpoint's name and a URL.
MAX_LABEL_LENGTH, MAX_URL_LENGTH = 200, 300
Row = TypeVar("Row")
_DECIDED = (DeliveryState.DELIVERED, DeliveryState.FAILED)


def _unavailable(rules: Sequence[Rule]) -> dict[int, NoData]:
    """Return why deliveries as the mirror has them cannot be trusted, of those workspaces where that is so."""
    return _unavailable_of(frozenset(rule.workspace_id for rule in rules))


@read_once
def _unavailable_of(workspaces: frozenset[int]) -> dict[int, NoData]:
    polls = {
        poll.workspace_id: poll
        for poll in Poll.objects.filter(workspace__in=workspaces, resource=tracked_workflows.DELIVERIES)
    }
    problems = {pk: _problem_of(polls.get(pk)) for pk in workspaces}
    return {pk: NoData(problem) for pk, problem in problems.items() if problem}


def _problem_of(poll: Poll | None) -> str:
    if poll is None or (poll.last_success_at is None and not poll.is_stale):
        return "Webhook deliveries haven't been synced yet."
    if poll.is_stale:
        return f"Webhook deliveries are out of date: {poll.problem or 'the last sync is overdue'}"
    return ""


def _by_workspace(rows: Iterable[Row], workspace_of: Callable[[Row], int]) -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[workspace_of(row)].append(row)
    return found


def _url(workspace: Workspace, host: str) -> str:
    try:
        list_url = reverse("webhooks:list", args=[workspace.slug])
    except NoReverseMatch:
        return workspace.get_absolute_url()
    query = link_to(host=host, state=DeliveryState.FAILED.value)
    return list_url + query if len(list_url) + len(query) <= MAX_URL_LENGTH else list_url


def _observation(workspace: Workspace, host: str, value: Decimal, headline: str, facts: Sequence[Fact]) -> Observation:
    label = (host or NO_HOST_LABEL)[:MAX_LABEL_LENGTH]
    # An alert's subject is shorter than the longest host, so a digest keeps long ones apart.
    subject = host if len(host) <= MAX_LABEL_LENGTH else f"{host[:100]}…{sha256(host.encode()).hexdigest()[:16]}"
    return Observation(value, f"{label}: {headline}", subject, label, _url(workspace, host), facts)


def _why(reason: str) -> tuple[Fact, ...]:
    known = reason_named(reason)
    return (("Last reason", known.label), ("How to fix it", known.fix)) if known else ()


# --- in a row -------------------------------------------------------------------------------------------------


def read_in_a_row(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return how many deliveries each endpoint has failed since the last that arrived; one query for all rules."""
    unavailable = _unavailable(rules)
    readable = {rule.workspace_id for rule in rules} - unavailable.keys()
    rows = _by_workspace(health.streaks(readable, now - health.PERIOD), lambda row: row.workspace_id)
    return {
        rule.pk: unavailable.get(rule.workspace_id)
        or [_in_a_row(rule.workspace, row) for row in rows.get(rule.workspace_id, ())]
        for rule in rules
    }


def _in_a_row(workspace: Workspace, row: Any) -> Observation:
    count = row.failed_in_a_row
    if not count:
        return _observation(workspace, row.host, Decimal(0), "the latest delivery arrived", ())
    headline = f"{format_quantity(count, 'deliveries')} failed in a row" if count > 1 else "the latest delivery failed"
    return _observation(workspace, row.host, Decimal(count), headline, _why(row.last_bad_reason))


def in_a_row_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield after each delivery how many had failed in a row at its endpoint."""
    counts: dict[str, int] = defaultdict(int)
    for host, state, at in _decided(workspace, since, until):
        counts[host] = counts[host] + 1 if state == DeliveryState.FAILED else 0
        yield DataPoint(at, Decimal(counts[host]), host)


# --- share ----------------------------------------------------------------------------------------------------


def read_share(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the per cent of each endpoint's latest deliveries that failed; one query for all rules."""
    unavailable = _unavailable(rules)
    readable = [rule for rule in rules if rule.workspace_id not in unavailable]
    counts = _by_workspace(_counts(readable, now), lambda row: row["workspace"]) if readable else {}
    return {
        rule.pk: unavailable.get(rule.workspace_id) or [_share(row, rule) for row in counts.get(rule.workspace_id, ())]
        for rule in rules
    }


def _counts(rules: Sequence[Rule], now: datetime) -> list[ValuesRow]:
    """Return for each endpoint of the last day how many were decided, and how many failed, in each rule's minutes."""
    counted: dict[str, object] = {"reason": Max("reason", filter=Q(state=DeliveryState.FAILED))}
    for minutes in {_minutes(rule) for rule in rules}:
        within = Q(last_attempt_at__gte=now - timedelta(minutes=minutes))
        counted[f"all_{minutes}"] = Count("pk", filter=within)
        counted[f"failed_{minutes}"] = Count("pk", filter=within & Q(state=DeliveryState.FAILED))
    of_workspaces = Delivery.objects.filter(workspace__in={rule.workspace_id for rule in rules})
    rows = of_workspaces.filter(state__in=_DECIDED, last_attempt_at__gte=now - health.DAY)
    return list(cast("Iterable[ValuesRow]", rows.order_by().values("workspace", "host").annotate(**counted)))


def _share(row: ValuesRow, rule: Rule) -> Observation:
    count, failed = row[f"all_{_minutes(rule)}"], row[f"failed_{_minutes(rule)}"]
    share = _percent(count, failed, _least(rule))
    facts = (
        (f"Last {_minutes(rule)} minutes", f"{format_number(failed)} of {format_number(count)} deliveries failed"),
    )
    headline = f"{format_number(share)}% of deliveries fail" if share else "few deliveries fail"
    return _observation(
        rule.workspace, row["host"], share, headline, (*facts, *(_why(row["reason"]) if failed else ()))
    )


def share_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield after each delivery the share of its endpoint that had failed in the rule's minutes."""
    length = timedelta(minutes=_minutes(rule))
    windows: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    for host, state, at in _decided(workspace, since - length, until):
        window = windows[host] = [one for one in windows[host] if one[0] > at - length]
        window.append((at, state == DeliveryState.FAILED))
        if at >= since:
            failed = sum(is_failed for _, is_failed in window)
            yield DataPoint(at, _percent(len(window), failed, _least(rule)), host)


def _decided(workspace: Workspace, since: datetime, until: datetime) -> Iterator[tuple[str, str, datetime]]:
    rows = Delivery.objects.of(workspace).filter(state__in=_DECIDED, last_attempt_at__range=(since, until))
    yield from rows.order_by("last_attempt_at", "pk").values_list("host", "state", "last_attempt_at").iterator()


def _percent(count: int, failed: int, least: int) -> Decimal:
    return Decimal(round(100 * failed / count, 1)) if count >= least else Decimal(0)


def _minutes(rule: Rule) -> int:
    return int(rule.parameters.get("minutes", DEFAULT_MINUTES))


def _least(rule: Rule) -> int:
    return int(rule.parameters.get("least", DEFAULT_MINIMUM))


def _minutes_field() -> forms.Field:
    return forms.IntegerField(label="Time window (minutes)", min_value=1, max_value=1440, initial=DEFAULT_MINUTES)


def _least_field() -> forms.Field:
    label, words = "Minimum deliveries", "Prevents alerts from only a few deliveries."
    return forms.IntegerField(label=label, min_value=1, max_value=100_000, initial=DEFAULT_MINIMUM, help_text=words)


# --- registration ---------------------------------------------------------------------------------------------


def summarize(workspace: Workspace, since: datetime) -> Sequence[Fact]:
    """Return what a summary says of webhooks; nothing in a workspace that has none."""
    counts = dict(
        Delivery.objects.of(workspace)
        .filter(last_attempt_at__gte=since)
        .order_by()
        .values_list("state")
        .annotate(Count("pk"))
    )
    total, failed = sum(counts.values()), counts.get(DeliveryState.FAILED, 0)
    failing = health.failure_summaries([workspace]).get(workspace.pk)
    facts = (
        [("Webhooks", f"{format_number(total)} deliveries, {format_number(failed)} of them failed")] if total else []
    )
    if failing and failing.hosts:
        facts.append(("Failing endpoints", ", ".join(host or NO_HOST_LABEL for host in failing.hosts[:5])))
    return facts


register(
    RuleKind(
        name="webhook_in_a_row",
        label="Webhook endpoint failing in a row",
        explanation="Fires when more than this many deliveries in a row to one endpoint have failed after all of "
        "Cleanlist's attempts. Resolves with the next successful delivery.",
        direction="above",
        unit="deliveries",
        read=read_in_a_row,
        describe=lambda rule: f"more than {format_quantity(rule.threshold, 'deliveries')} to an endpoint fail in a row",
        resources=RESOURCES,
        position=40,
        history=in_a_row_history,
        defaults=(DefaultRule("Webhook endpoint down", "warning", Decimal(DEFAULT_STREAK - 1), Decimal(0), 0, 86400),),
    )
)
register(
    RuleKind(
        name="webhook_failures",
        label="Webhook failure rate above",
        explanation="Fires when more than this share of an endpoint's recent deliveries failed permanently.",
        direction="above",
        unit="%",
        end=100,
        read=read_share,
        describe=lambda rule: (
            f"more than {format_number(rule.threshold)}% of an endpoint's deliveries in {_minutes(rule)} minutes fail"
        ),
        parameters={"minutes": _minutes_field, "least": _least_field},
        resources=RESOURCES,
        position=40,
        history=share_history,
        defaults=(
            DefaultRule(
                "Many webhooks fail",
                "warning",
                Decimal(20),
                Decimal(10),
                parameters={"minutes": DEFAULT_MINUTES, "least": DEFAULT_MINIMUM},
            ),
        ),
    )
)
register_summary(summarize)
