"""Alerts that today's rules would have raised in the demo's made-up past. Nobody is notified of them."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from alerts.engine.plan import to_column
from alerts.engine.preview import Episode, episodes
from alerts.engine.rule_kinds import DataPoint
from alerts.models import Alert, Rule, Transition
from core.formatting import format_duration, format_quantity
from workspaces.models import Workspace


def store_demo_history(workspace: Workspace, since: datetime, until: datetime) -> int:
    """Store each alert that a rule of ``workspace`` would have raised and that ended by ``until``; return how many.

    They are marked as demo history. What would still fire is left to the next evaluation.
    """
    alerts: list[Alert] = []
    lines: list[Transition] = []
    for rule in Rule.objects.enabled().filter(workspace=workspace):
        kind = rule.kind_of
        points = kind.history(workspace, rule, since, until) if kind and kind.history else ()
        for episode in episodes(rule, points, until):
            if episode.end is not None:
                alert = _alert(workspace, rule, episode, episode.end)
                alerts.append(alert)
                lines += _timeline(alert, episode, episode.end)
    with transaction.atomic():
        Alert.objects.bulk_create(alerts)
        for line in lines:
            line.alert_id = line.alert.pk
        Transition.objects.bulk_create(lines)
    return len(alerts)


def delete_demo_history(workspace: Workspace) -> None:
    Alert.objects.filter(workspace=workspace, is_demo=True).delete()


def _alert(workspace: Workspace, rule: Rule, episode: Episode, over: DataPoint) -> Alert:
    point, condition = episode.point, rule.condition
    levels = rule.levels(point.threshold, point.recovery)
    return Alert(
        workspace=workspace,
        rule=rule,
        kind=rule.kind,
        rule_name=rule.name,
        condition=condition[:300],
        severity=rule.severity,
        subject=point.subject,
        state=Alert.State.RESOLVED,
        headline=f"{_at(rule, point)}: {condition}"[:300],
        value=to_column(point.value),
        threshold=to_column(levels.threshold),
        recovery=to_column(levels.recovery),
        started_at=point.at,
        fired_at=episode.fired_at,
        resolved_at=over.at,
        evaluated_at=over.at,
        is_demo=True,
    )


def _timeline(alert: Alert, episode: Episode, over: DataPoint) -> Iterator[Transition]:
    assert alert.rule is not None  # noqa: S101 - it was made from one
    fired = f"Would have fired: {_at(alert.rule, episode.point)}"
    yield Transition(alert=alert, at=episode.fired_at, after=Alert.State.FIRING, value=alert.value, text=fired)
    resolved = f"Would have been resolved after {format_duration(alert.duration)}: {_at(alert.rule, over)}"
    yield Transition(
        alert=alert,
        at=over.at,
        before=Alert.State.FIRING,
        after=Alert.State.RESOLVED,
        value=to_column(over.value),
        text=resolved,
    )


def _at(rule: Rule, point: DataPoint) -> str:
    return format_quantity(point.value, rule.kind_of.unit if rule.kind_of else "")
