"""What a rule would do now, and what it would have done in the past. Only the demo's made-up past is stored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from alerts.engine.evaluation import observe
from alerts.engine.plan import to_column
from alerts.engine.rule_kinds import DataPoint, NoData, Observation
from alerts.engine.state_machine import Memory, State, step
from alerts.models import Alert, Rule, Transition
from core.formatting import format_duration, format_quantity
from workspaces.models import Workspace

PERIOD = timedelta(days=30)


@dataclass(frozen=True)
class Preview:
    """``would_fire`` is what is past the threshold now; ``no_data`` says why nothing can be said.

    ``fired_at`` are the times in the last 30 days at which it would have fired, None if the mirror does not know.
    """

    observations: list[Observation] = field(default_factory=list)
    would_fire: list[Observation] = field(default_factory=list)
    no_data: str = ""
    fired_at: list[datetime] | None = None

    @property
    def latest(self) -> datetime | None:
        return self.fired_at[-1] if self.fired_at else None


def preview(workspace: Workspace, rule: Rule, now: datetime) -> Preview:
    rule.pk = rule.pk or 0
    observed = observe(workspace, [rule], now).get(rule.pk, ())
    past = _past(workspace, rule, now)
    if isinstance(observed, NoData):
        return Preview(no_data=observed.reason, fired_at=past)
    crossed = [observation for observation in observed if rule.levels_for(observation).crossed(observation.value)]
    return Preview(list(observed), crossed, fired_at=past)


def _past(workspace: Workspace, rule: Rule, now: datetime) -> list[datetime] | None:
    kind = rule.kind_of
    if kind is None or kind.history is None:
        return None
    # Earlier ones are included, to know what was firing at the beginning.
    found = firing_times(rule, kind.history(workspace, rule, now - PERIOD, now), now)
    return [at for at in found if at >= now - PERIOD]


@dataclass(frozen=True)
class Episode:
    """One time that a rule would have fired: when, on what, and until when, None where it still would."""

    fired_at: datetime
    point: DataPoint
    end: DataPoint | None = None


def firing_times(rule: Rule, points: Iterable[DataPoint], now: datetime) -> list[datetime]:
    return [episode.fired_at for episode in episodes(rule, points, now)]


def episodes(rule: Rule, points: Iterable[DataPoint], now: datetime) -> list[Episode]:
    """Return the episodes that ``rule`` would have had on ``points``, which are in order of time for each subject.

    A value holds until the next one, so a pending time may end between two points. Points after ``now`` say when
    what is known now will end, so they do not end it yet.
    """
    by_subject: dict[str, list[DataPoint]] = defaultdict(list)
    for point in (one for one in points if one.at <= now):
        by_subject[point.subject].append(point)
    found: list[Episode] = []
    for series in by_subject.values():
        memory, begun = Memory(), None
        ends = [point.at for point in series[1:]] + [now]
        for point, end in zip(series, ends, strict=True):
            levels = rule.levels(point.threshold, point.recovery)
            for at in (point.at, end - timedelta(microseconds=1)):
                after = step(memory, levels, point.value, at)
                if after.state == State.FIRING != memory.state:
                    begun = Episode((after.started_at or at) + levels.pending, point)
                elif begun and after.state != State.FIRING:
                    found.append(replace(begun, end=point))
                    begun = None
                memory = after
        found += [begun] if begun else []
    return sorted(found, key=lambda episode: episode.fired_at)


def store_demo_history(workspace: Workspace, since: datetime, until: datetime) -> int:
    """Store each alert that a rule of ``workspace`` would have raised and that ended by ``until``; return how many.

    They are marked as demo history, and nobody is notified of them. What would still fire is left to the next
    evaluation.
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
