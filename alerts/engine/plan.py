"""Plans the changes of alerts that follow from observations. Writes nothing: usually nothing changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

import structlog
from django.db import connection, transaction

from alerts.engine.rule_kinds import NoData, Observation, Observations
from alerts.engine.state_machine import Levels, Memory, State, step
from alerts.models import Alert, Notification, Rule, Snooze
from alerts.models.alert import severity_rank_of
from core.formatting import format_number
from core.sanitize import sanitize_json, sanitize_text

QUANTUM = Decimal("0.0001")
MAX_VALUE = Decimal(10) ** 19
# Facts that cost queries are refreshed on an otherwise unchanged alert when they are older than this.
FACTS_MAX_AGE = timedelta(minutes=5)
Gravity = tuple[int, Decimal]
T = TypeVar("T")
logger = structlog.get_logger(__name__)
GONE = "No longer watched: gone or no longer in use"


@dataclass(frozen=True)
class OpenAlerts:
    """The open alerts of some rules by subject, and the rules' snoozes."""

    alerts: Mapping[int, Mapping[str, Alert]]
    snoozes: Mapping[tuple[int, str], Snooze]

    @classmethod
    def of(cls, rules: Iterable[Rule], *, locked: bool = False) -> "OpenAlerts":
        """Load them in two queries at most. ``locked`` locks the alerts' rows."""
        ids = [rule.pk for rule in rules]
        rows = Alert.objects.open().filter(rule__in=ids).order_by("pk")
        alerts: dict[int, dict[str, Alert]] = {}
        for alert in rows.select_for_update() if locked else rows:
            alerts.setdefault(alert.rule_id or 0, {})[alert.subject] = alert
        # A snooze matters only if an alert is open or about to open.
        snoozes = Snooze.objects.filter(rule__in=ids) if alerts or locked else ()
        return cls(alerts, {(snooze.rule_id, snooze.subject): snooze for snooze in snoozes})


@dataclass
class Change:
    """One change to write: to a rule's alert on one subject, which may be new.

    ``after`` is the new state; ``observation`` is None if there was no data or the subject is gone, and ``text`` says
    why. ``levels`` are those that it was compared with. ``email`` is the e-mail that is due; ``ended_snooze`` the
    snooze that no longer applies.
    """

    rule: Rule
    alert: Alert | None
    after: Memory
    observation: Observation | None = None
    text: str = ""
    levels: Levels | None = None
    email: Notification.Kind | None = None
    ended_snooze: Snooze | None = None

    @cached_property
    def values(self) -> dict[str, object]:
        """Return the alert's columns that come from the observation, except its facts."""
        return _values(self) if self.observation and self.levels else {}

    def prepare(self) -> None:
        """Evaluate the lazy texts of the observation, which may cost queries, before any row is locked."""
        if self.observation is not None:
            headline_of(self.observation)
            facts_of(self.observation)


def plan_changes(
    rules: Sequence[Rule], observations: Mapping[int, Observations], open_alerts: OpenAlerts, now: datetime
) -> list[Change]:
    """Return the changes to write, worst rules first: a milder rule must know whom a worse one has notified."""
    changes: list[Change] = []
    worst = _worst_gravities(rules, observations, open_alerts, now)
    for rule in sorted(rules, key=lambda rule: (-rule.level.rank, rule.pk)):
        observed, alerts = observations.get(rule.pk, ()), open_alerts.alerts.get(rule.pk, {})
        if isinstance(observed, NoData):
            changes += _plan_unknown(rule, alerts, observed.reason, now)
            continue
        for observation in observed:
            change = _plan_change(rule, alerts.get(observation.subject), observation, open_alerts, worst, now)
            if change is not None:
                changes.append(change)
        subjects = {observation.subject for observation in observed}
        gone = [alert for subject, alert in alerts.items() if subject not in subjects]
        for alert in gone:
            snooze = open_alerts.snoozes.get((rule.pk, alert.subject))
            changes.append(
                Change(rule, alert, Memory(), text=_why_gone(observed), ended_snooze=_ended_with_it(alert, snooze))
            )
    return changes


def _why_gone(observed: Sequence[Observation]) -> str:
    return next((observation.ended_reason for observation in observed if observation.ended_reason), GONE)


def _plan_unknown(rule: Rule, alerts: Mapping[str, Alert], reason: str, now: datetime) -> list[Change]:
    after = [(alert, step(alert.memory, rule.levels(), None, now)) for alert in alerts.values()]
    return [Change(rule, alert, memory, text=reason) for alert, memory in after if memory.state != alert.state]


def _worst_gravities(
    rules: Sequence[Rule], observations: Mapping[int, Observations], open_alerts: OpenAlerts, now: datetime
) -> dict[tuple[int, str, str], Gravity]:
    """Return the severity rank of the worst firing level for each workspace, kind and subject."""
    found: dict[tuple[int, str, str], Gravity] = {}
    for rule in rules:
        observed = observations.get(rule.pk, ())
        for observation in () if isinstance(observed, NoData) else observed:
            alert = open_alerts.alerts.get(rule.pk, {}).get(observation.subject)
            levels = _levels(rule, alert, observation)
            if step(_memory(alert), levels, _value(alert, observation), now).state == State.FIRING:
                place = rule.workspace_id, rule.kind, observation.subject
                severity_rank = severity_rank_of(rule.kind, rule.level, levels.threshold)
                found[place] = max(severity_rank, found.get(place, severity_rank))
    return found


def _plan_change(  # noqa: PLR0917 - one rule and subject with all that decides
    rule: Rule,
    alert: Alert | None,
    observation: Observation,
    open_alerts: OpenAlerts,
    worst: Mapping[tuple[int, str, str], Gravity],
    now: datetime,
) -> Change | None:
    levels = _levels(rule, alert, observation)
    after = step(_memory(alert), levels, _value(alert, observation), now)
    fires = worst.get((rule.workspace_id, rule.kind, observation.subject))
    if after.state == State.PENDING and fires and fires > severity_rank_of(rule.kind, rule.level, levels.threshold):
        # If a worse level fires already, the milder ones need not wait: they remain when that one is over.
        after = replace(after, state=State.FIRING)
    if alert is None and after.state == State.OK:
        return None
    snooze = open_alerts.snoozes.get((rule.pk, observation.subject))
    change = Change(rule, alert, after, observation, levels=levels)
    if after.state == State.OK:
        change.ended_snooze = _ended_with_it(alert, snooze)
        return change
    if after.state == State.FIRING:
        _queue_email(change, snooze, now)
    if (
        alert is None
        or change.email
        or change.ended_snooze
        or alert.state != after.state
        or _differs(change, alert, now)
    ):
        return change
    return None


def _ended_with_it(alert: Alert | None, snooze: Snooze | None) -> Snooze | None:
    """Return the snooze that ends together with its alert: one without a date."""
    return snooze if snooze and snooze.until is None and alert and alert.fired_at else None


def _memory(alert: Alert | None) -> Memory:
    return alert.memory if alert else Memory()


def _value(alert: Alert | None, observation: Observation) -> Decimal:
    return observation.value_for(fires=alert is not None and alert.fired_at is not None)


def _levels(rule: Rule, alert: Alert | None, observation: Observation) -> Levels:
    """Return the levels to compare with. A relative level that has moved must not end a firing alert."""
    levels = rule.levels_for(observation)
    if (
        observation.recovery is None
        or alert is None
        or alert.fired_at is None
        or alert.recovery is None
        or alert.edited
    ):
        return levels
    harder = max if levels.direction == "below" else min
    return replace(levels, recovery=harder(levels.recovery, alert.recovery))


def _queue_email(change: Change, snooze: Snooze | None, now: datetime) -> None:
    """Set which e-mail is due, if any, and whether a snooze that suppressed it has ended."""
    alert, rule, observation = change.alert, change.rule, change.observation
    assert observation is not None  # noqa: S101 - only what was read can fire
    if snooze is not None:
        if snooze.applies(rule.levels_for(observation), observation.value, now):
            return
        change.ended_snooze = snooze
    if alert is None or alert.fired_at is None:
        change.email = Notification.Kind.FIRING
    elif snooze is not None or alert.edited or alert.reminder_due(rule.repeat_seconds, now):
        change.email = Notification.Kind.REMINDER


def _differs(change: Change, alert: Alert, now: datetime) -> bool:
    """Return whether the observation differs from what the alert's row says."""
    if any(getattr(alert, name) != value for name, value in change.values.items()):
        return True
    assert change.observation is not None  # noqa: S101 - as above
    if callable(change.observation.facts):
        return now - alert.evaluated_at >= FACTS_MAX_AGE
    return bool(alert.facts != sanitize_json(change.observation.all_facts))


def _values(change: Change) -> dict[str, object]:
    rule, observation, levels = change.rule, change.observation, change.levels
    assert observation is not None and levels is not None  # noqa: S101, PT018 - only what was read has values
    return {
        "rule_name": rule.name,
        "severity": rule.severity,
        "subject_label": sanitize_text(observation.label, 200),
        "subject_url": sanitize_text(observation.url, 300),
        "headline": headline_of(observation),
        "condition": sanitize_text(rule.condition, 300),
        "value": to_column(_value(change.alert, observation)),
        "threshold": to_column(levels.threshold),
        "recovery": to_column(levels.recovery),
    }


def headline_of(observation: Observation) -> str:
    """Return the headline as it is stored."""
    return sanitize_text(_try(lambda: observation.headline) or f"now at {format_number(observation.value)}", 300)


def facts_of(observation: Observation | None) -> list[list[str]]:
    """Return the facts as they are stored."""
    problem = [["Details", "Not available. The console's log has the reason."]]
    found = _try(lambda: sanitize_json(observation.all_facts)) if observation else []
    return problem if found is None else found


def _try(work: Callable[[], T]) -> T | None:
    """Return the result of ``work``, or None if it fails: an alert must not be lost because of its texts."""
    try:
        # Inside a transaction a failed query would abort all of it.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return work()
    except Exception:
        logger.exception("words_failed")
        return None


def to_column(value: Decimal) -> Decimal:
    """Return ``value`` clamped and rounded for its column."""
    return max(-MAX_VALUE, min(MAX_VALUE, Decimal(value))).quantize(QUANTUM)
