"""What must become of alerts, given what their rules see. Writes nothing: usually nothing changes."""

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
from alerts.models.alert import gravity_of
from core.formatting import figure
from core.sanitize import sanitize_json, sanitize_text

FIGURE = Decimal("0.0001")
LARGEST = Decimal(10) ** 19
# Facts that cost queries are worked out again for an alert that goes on unchanged when they are older than this.
FACTS_AGE = timedelta(minutes=5)
Gravity = tuple[int, Decimal]
T = TypeVar("T")
logger = structlog.get_logger(__name__)
GONE = "No longer watched: it is gone, or not in use any more"


@dataclass(frozen=True)
class OpenAlerts:
    """What the database holds of the rules at hand: their open alerts by subject, and their snoozes."""

    alerts: Mapping[int, Mapping[str, Alert]]
    snoozes: Mapping[tuple[int, str], Snooze]

    @classmethod
    def of(cls, rules: Iterable[Rule], *, locked: bool = False) -> "OpenAlerts":
        """Load it in two queries at most. ``locked`` keeps everybody else from changing the alerts meanwhile."""
        ids = [rule.pk for rule in rules]
        rows = Alert.objects.open().filter(rule__in=ids).order_by("pk")
        alerts: dict[int, dict[str, Alert]] = {}
        for alert in rows.select_for_update() if locked else rows:
            alerts.setdefault(alert.rule_id or 0, {})[alert.subject] = alert
        # A snooze matters where an alert is open or opens; rules that see nothing bad have neither.
        snoozes = Snooze.objects.filter(rule__in=ids) if alerts or locked else ()
        return cls(alerts, {(snooze.rule_id, snooze.subject): snooze for snooze in snoozes})


@dataclass
class Change:
    """One change that must be written: of a rule's alert on one subject, which may not be there yet.

    ``after`` is the machine's new state; ``reading`` is None where nothing could be read or the subject is gone, and
    ``text`` says why. ``levels`` are what it was held against. ``tells`` is the e-mail that is due; ``ended`` the
    snooze that does not hold any more.
    """

    rule: Rule
    alert: Alert | None
    after: Memory
    reading: Observation | None = None
    text: str = ""
    levels: Levels | None = None
    tells: Notification.Kind | None = None
    ended: Snooze | None = None

    @cached_property
    def values(self) -> dict[str, object]:
        """Return what the alert's row says of the reading, without its facts."""
        return _values(self) if self.reading and self.levels else {}

    def prepare(self) -> None:
        """Work out what is told of the reading, which may cost queries, before any row is locked."""
        if self.reading is not None:
            headline_of(self.reading)
            facts_of(self.reading)


def plan_changes(
    rules: Sequence[Rule], readings: Mapping[int, Observations], held: OpenAlerts, now: datetime
) -> list[Change]:
    """Return what must be written, worst rules first: a milder rule must know whom a worse one has told already."""
    moves: list[Change] = []
    worst = _worst(rules, readings, held, now)
    for rule in sorted(rules, key=lambda rule: (-rule.level.rank, rule.pk)):
        seen, alerts = readings.get(rule.pk, ()), held.alerts.get(rule.pk, {})
        if isinstance(seen, NoData):
            moves += _lost(rule, alerts, seen.reason, now)
            continue
        for reading in seen:
            move = _move(rule, alerts.get(reading.subject), reading, held, worst, now)
            if move is not None:
                moves.append(move)
        subjects = {reading.subject for reading in seen}
        gone = [alert for subject, alert in alerts.items() if subject not in subjects]
        for alert in gone:
            snooze = held.snoozes.get((rule.pk, alert.subject))
            moves.append(Change(rule, alert, Memory(), text=_gone(seen), ended=_ended_with_it(alert, snooze)))
    return moves


def _gone(seen: Sequence[Observation]) -> str:
    return next((reading.replaces for reading in seen if reading.replaces), GONE)


def _lost(rule: Rule, alerts: Mapping[str, Alert], reason: str, now: datetime) -> list[Change]:
    after = [(alert, step(alert.memory, rule.levels(), None, now)) for alert in alerts.values()]
    return [Change(rule, alert, memory, text=reason) for alert, memory in after if memory.state != alert.state]


def _worst(
    rules: Sequence[Rule], readings: Mapping[int, Observations], held: OpenAlerts, now: datetime
) -> dict[tuple[int, str, str], Gravity]:
    """Return of each workspace, kind and subject the gravity of the worst level that fires."""
    found: dict[tuple[int, str, str], Gravity] = {}
    for rule in rules:
        seen = readings.get(rule.pk, ())
        for reading in () if isinstance(seen, NoData) else seen:
            alert = held.alerts.get(rule.pk, {}).get(reading.subject)
            levels = _levels(rule, alert, reading)
            if step(_memory(alert), levels, _value(alert, reading), now).state == State.FIRING:
                place = rule.workspace_id, rule.kind, reading.subject
                gravity = gravity_of(rule.kind, rule.level, levels.threshold)
                found[place] = max(gravity, found.get(place, gravity))
    return found


def _move(  # noqa: PLR0917 - one rule and subject with all that decides
    rule: Rule,
    alert: Alert | None,
    reading: Observation,
    held: OpenAlerts,
    worst: Mapping[tuple[int, str, str], Gravity],
    now: datetime,
) -> Change | None:
    levels = _levels(rule, alert, reading)
    after = step(_memory(alert), levels, _value(alert, reading), now)
    fires = worst.get((rule.workspace_id, rule.kind, reading.subject))
    if after.state == State.PENDING and fires and fires > gravity_of(rule.kind, rule.level, levels.threshold):
        # Where a worse level fires already the milder ones have nothing to wait for: they go on when that is over.
        after = replace(after, state=State.FIRING)
    if alert is None and after.state == State.OK:
        return None
    snooze = held.snoozes.get((rule.pk, reading.subject))
    move = Change(rule, alert, after, reading, levels=levels)
    if after.state == State.OK:
        move.ended = _ended_with_it(alert, snooze)
        return move
    if after.state == State.FIRING:
        _queue_email(move, snooze, now)
    if alert is None or move.tells or move.ended or alert.state != after.state or _is_new(move, alert, now):
        return move
    return None


def _ended_with_it(alert: Alert | None, snooze: Snooze | None) -> Snooze | None:
    """Return the snooze that ends because what it was set on has fired and is over: one without a date."""
    return snooze if snooze and snooze.until is None and alert and alert.fired_at else None


def _memory(alert: Alert | None) -> Memory:
    return alert.memory if alert else Memory()


def _value(alert: Alert | None, reading: Observation) -> Decimal:
    """Return what of ``reading`` is held against the levels."""
    return reading.value_for(fires=alert is not None and alert.fired_at is not None)


def _levels(rule: Rule, alert: Alert | None, reading: Observation) -> Levels:
    """Return what ``reading`` is held against: that a relative level has moved must not end what fires."""
    levels = rule.levels_for(reading)
    if reading.recovery is None or alert is None or alert.fired_at is None or alert.recovery is None or alert.edited:
        return levels
    harder = max if levels.direction == "below" else min
    return replace(levels, recovery=harder(levels.recovery, alert.recovery))


def _queue_email(move: Change, snooze: Snooze | None, now: datetime) -> None:
    """Note which e-mail is due, if any, and whether a snooze that held it back is over."""
    alert, rule, reading = move.alert, move.rule, move.reading
    assert reading is not None  # noqa: S101 - only what was read can fire
    if snooze is not None:
        if snooze.holds(rule.levels_for(reading), reading.value, now):
            return
        move.ended = snooze
    if alert is None or alert.fired_at is None:
        move.tells = Notification.Kind.FIRING
    elif snooze is not None or alert.edited or alert.reminder_due(rule.repeat_seconds, now):
        move.tells = Notification.Kind.REMINDER


def _is_new(move: Change, alert: Alert, now: datetime) -> bool:
    """Say whether the reading says anything that the alert's row does not."""
    if any(getattr(alert, name) != value for name, value in move.values.items()):
        return True
    assert move.reading is not None  # noqa: S101 - as above
    if callable(move.reading.facts):
        return now - alert.evaluated_at >= FACTS_AGE
    return bool(alert.facts != sanitize_json(move.reading.all_facts))


def _values(move: Change) -> dict[str, object]:
    rule, reading, levels = move.rule, move.reading, move.levels
    assert reading is not None and levels is not None  # noqa: S101, PT018 - only what was read has values
    return {
        "rule_name": rule.name,
        "severity": rule.severity,
        "subject_label": sanitize_text(reading.label, 200),
        "subject_url": sanitize_text(reading.url, 300),
        "headline": headline_of(reading),
        "condition": sanitize_text(rule.condition, 300),
        "value": stored(_value(move.alert, reading)),
        "threshold": stored(levels.threshold),
        "recovery": stored(levels.recovery),
    }


def headline_of(reading: Observation) -> str:
    """Return the words of a reading, as a row keeps them."""
    return sanitize_text(_tried(lambda: reading.headline) or f"now at {figure(reading.value)}", 300)


def facts_of(reading: Observation | None) -> list[list[str]]:
    """Return what is to be told beside the value, as a row keeps it."""
    problem = [["Details", "They could not be worked out; the console's log says why."]]
    found = _tried(lambda: sanitize_json(reading.all_facts)) if reading else []
    return problem if found is None else found


def _tried(work: Callable[[], T]) -> T | None:
    """Return what ``work`` does, or None where it fails: an alert is not lost because its words are."""
    try:
        # Inside a transaction a failed query would take that along.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return work()
    except Exception:
        logger.exception("words_failed")
        return None


def stored(value: Decimal) -> Decimal:
    """Return ``value`` as the database keeps it."""
    return max(-LARGEST, min(LARGEST, Decimal(value))).quantize(FIGURE)
