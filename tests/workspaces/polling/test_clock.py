"""The one clock: what was dated into the future is brought back, in each table that such a clock can have filled."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db.models import DateField, DateTimeField
from django.utils import timezone

from alerts.models import Alert, Evaluation, Notification, Recipient, Rule, Snooze
from alerts.models.alert import Transition
from alerts.models.evaluation import SendingTurn
from alerts.models.notification import Attempt
from core import clock
from core.db import leases
from keys.models import ApiKey, KeyCreation, LogGap
from tests.conftest import ROOT
from tests.keys.conftest import add_session, make_key
from usage.models import BalanceChange, BalanceHour, BalanceImport, BalanceReading, Budget, BurnPattern
from webhooks.checks import services
from webhooks.models import Delivery, DeliveryGap, EndpointCheck, Feed, Item, LeadList, Redelivery, Workflow
from webhooks.redelivery import leases as leasing
from workspaces.models import (
    Heartbeat,
    Invitation,
    ManagementSession,
    Membership,
    Milestone,
    Poll,
    User,
    Workspace,
)
from workspaces.models.user import AccountMail
from workspaces.polling import engine

pytestmark = pytest.mark.django_db
MOVES = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=30)]


def recipient(workspace, _=None):
    return Recipient.objects.create(workspace=workspace, address="pager@example.test")


def workflow(workspace, now):
    return Workflow.objects.create(workspace=workspace, workflow_id="w", first_seen_at=now)


def alert(workspace, now):
    return Alert.objects.create(workspace=workspace, started_at=now, evaluated_at=now)


def notification(workspace, _=None):
    return Notification.objects.create(key="k", workspace=workspace, recipient=recipient(workspace), kind="test")


def rule(workspace):
    return Rule.objects.create(workspace=workspace, kind="low_balance", name="r", threshold=1, recovery=2)


# Everything that the clock watches, and how to make a row of it.
ROWS = {
    Workspace: lambda *_: Workspace.objects.create(name="New", slug="new", base_url="https://api.cleanlist.ai"),
    ManagementSession: lambda workspace, _: add_session(workspace),
    Poll: lambda workspace, _: Poll.objects.create(workspace=workspace, resource="keys", interval_seconds=60),
    AccountMail: lambda *_: AccountMail.objects.create(template="t", address="a@example.test"),
    Heartbeat: lambda _, now: Heartbeat.objects.create(kind="clock", name="clock", beat_at=now),
    ApiKey: lambda workspace, now: make_key(workspace, first_seen_at=now, read_at=now),
    KeyCreation: lambda workspace, _: KeyCreation.objects.create(workspace=workspace),
    LogGap: lambda workspace, now: LogGap.objects.create(
        key=make_key(workspace), after=now, before=now, detected_at=now
    ),
    Alert: alert,
    Transition: lambda workspace, now: Transition.objects.create(alert=alert(workspace, now), text="t"),
    Rule: lambda workspace, _: rule(workspace),
    Snooze: lambda workspace, _: Snooze.objects.create(rule=rule(workspace)),
    Evaluation: lambda workspace, _: Evaluation.objects.get_or_create(workspace=workspace)[0],
    SendingTurn: lambda *_: SendingTurn.objects.get_or_create(pk=SendingTurn.ONLY)[0],
    Recipient: recipient,
    Notification: notification,
    Attempt: lambda workspace, _: Attempt.objects.create(notification=notification(workspace)),
    Workflow: workflow,
    Delivery: lambda workspace, now: Delivery.objects.create(
        workspace=workspace, workflow=workflow(workspace, now), first_attempt_at=now, last_attempt_at=now
    ),
    Feed: lambda workspace, now: Feed.objects.create(workspace=workspace, read_until=now),
    DeliveryGap: lambda workspace, now: DeliveryGap.objects.create(
        workspace=workspace, after=now, before=now, detected_at=now
    ),
    EndpointCheck: lambda workspace, _: EndpointCheck.objects.create(workspace=workspace, url="https://example.com"),
    Redelivery: lambda workspace, _: Redelivery.objects.create(workspace=workspace),
    Budget: lambda workspace, _: Budget.objects.create(workspace=workspace, credits=1),
    BalanceImport: lambda workspace, now: BalanceImport.objects.create(
        workspace=workspace, rows=1, first_at=now, last_at=now
    ),
    Milestone: lambda workspace, _: Milestone.objects.create(
        workspace=workspace, user=User.objects.create(email="c@example.test"), name="dismissed"
    ),
    Invitation: lambda workspace, _: Invitation.objects.create(workspace=workspace, email="a@example.test"),
    Membership: lambda workspace, _: Membership.objects.create(
        workspace=workspace, user=User.objects.create(email="b@example.test")
    ),
    Item: lambda workspace, now: Item.objects.create(
        redelivery=Redelivery.objects.create(workspace=workspace), workflow=workflow(workspace, now), url="u"
    ),
    LeadList: lambda workspace, now: LeadList.objects.create(workspace=workspace, list_id="l", name="L", read_at=now),
}


# Tables that are mended as a whole, because their rows depend on each other: tests/usage/test_future_rows.py.
TOGETHER = {BalanceReading, BalanceChange, BalanceHour, BurnPattern}
# Times that may lie ahead, or that are kept as others wrote them.
LEFT = {
    "upstream's, as it sent them": (
        "ApiKey.created_at ApiKey.expires_at ApiKey.last_used_at LoggedRequest.created_at LogGap.after LogGap.before "
        "Delivery.first_attempt_at Delivery.last_attempt_at Delivery.next_attempt_at Delivery.delivered_at "
        "webhooks.Attempt.at webhooks.Attempt.next_at Workflow.completed_at Workflow.submitted_at "
        "DeliveryGap.after DeliveryGap.before ManagementSession.token_expires_at"
    ),
    "worked out from those": (
        "KeyTraffic.hour WorkspaceTraffic.hour LogFacet.first_seen_at LogFacet.last_seen_at "
        "Endpoint.last_attempt_at EndpointHour.hour EndpointDay.day"
    ),
    "chosen by people": "KeyCreation.expires_at Snooze.until BalanceImport.first_at BalanceImport.last_at",
    "a promise in an email": "Invitation.expires_at",
    "a chain that is never rewritten": "AuditEvent.at",
    "of accounts, which follow this machine's clock": "User.date_joined User.last_login",
}


def is_left(field):
    name, label = f"{field.model.__name__}.{field.name}", f"{field.model._meta.label}.{field.name}"
    return any({name, label} & set(names.split()) for names in LEFT.values())


def is_ours(model):
    return (ROOT / model._meta.app_label).is_dir()


def test_every_time_of_every_table_is_watched_or_left_for_a_reason():
    models = [model for model in apps.get_models() if is_ours(model) and model not in TOGETHER]
    fields = [field for model in models for field in model._meta.get_fields() if isinstance(field, DateTimeField)]
    watched = {model: {*times.past, *times.due, *times.leases} for model, times in clock._tables.items()}
    missing = [f for f in fields if f.name not in watched.get(f.model, ()) and not is_left(f)]
    assert [f"{field.model._meta.label}.{field.name}" for field in missing] == []
    assert {model for models in clock._repairers.values() for model in models} == TOGETHER
    assert len(fields) > 60


def test_no_column_is_dated_by_the_clock_of_a_machine():
    fields = [field for model in apps.get_models() if is_ours(model) for field in model._meta.get_fields()]
    dated = [field for field in fields if isinstance(field, DateField)]
    by_machine = [f for f in dated if f.auto_now or f.auto_now_add or f.default is timezone.now]
    assert {field.name for field in by_machine} <= {"date_joined"}  # of accounts, as above
    assert len(dated) > 60


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_a_new_row_is_dated_by_the_clock_of_the_database(workspace, model, monkeypatch):
    right = clock._query_time
    monkeypatch.setattr(clock, "_query_time", lambda: right() + timedelta(days=3))
    row = ROWS[model](workspace, clock.now())
    dates = {name: getattr(row, name) for name in columns_of(model)[0]}
    earliest = clock.now() - timedelta(minutes=1)
    assert {name for name, at in dates.items() if at and at < earliest} == set()


def columns_of(model):
    times = clock._tables[model]
    return [*times.past, *times.due], list(times.leases)


def test_each_table_that_the_clock_watches_is_tried_here_and_each_with_a_lease_is_watched():
    assert set(ROWS) == set(clock._tables)
    with_lease = {model for model in apps.get_models() if "leased_until" in {f.name for f in model._meta.fields}}
    assert {model for model in clock._tables if clock._tables[model].leases == ("leased_until",)} == with_lease


@pytest.mark.parametrize("ahead", MOVES)
@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_what_a_clock_ahead_has_written_is_taken_to_be_of_now(workspace, model, ahead):
    row, before = ROWS[model](workspace, clock.now()), clock.now()
    dated, leased = columns_of(model)
    longest = dict.fromkeys(leased, before + ahead + clock.LONGEST_LEASE)
    model.objects.filter(pk=row.pk).update(**dict.fromkeys(dated, before + ahead), **longest)
    clock.repair_future_times()
    row.refresh_from_db()
    assert all(before <= getattr(row, name) <= clock.now() for name in dated)
    assert not any(getattr(row, name) for name in leased)


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_what_was_dated_rightly_stays(workspace, model):
    row, now = ROWS[model](workspace, clock.now()), clock.now()
    times = clock._tables[model]
    right = {
        **dict.fromkeys(times.past, now - timedelta(seconds=1)),
        **dict.fromkeys(times.due, now + timedelta(days=3)),
        **dict.fromkeys(times.leases, now + clock.LONGEST_LEASE),
    }
    model.objects.filter(pk=row.pk).update(**right)
    assert clock.repair_future_times() == 0
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in right} == right


def test_nothing_is_made_of_moments_that_are_not_there(workspace):
    key = make_key(workspace, read_at=clock.now() + timedelta(days=30))
    assert clock.repair_future_times() == 1
    key.refresh_from_db()
    assert (key.gone_at, key.revoked_at, key.kept_from) == (None, None, None)


def test_what_was_put_off_by_more_than_anything_can_be_is_due(poll):
    Poll.objects.update(next_run_at=clock.now() + timedelta(days=30))
    assert clock.repair_future_times() == 1
    assert engine.run_due() == 1


def test_no_lease_lasts_longer_than_the_clock_allows():
    longest = max(leases.SECONDS, leasing.LEASE_SECONDS, services.LEASE_SECONDS)
    assert timedelta(seconds=longest) <= clock.LONGEST_LEASE


def test_a_refused_try_that_a_person_asked_for_tells_when_it_was(poll, upstream):
    upstream.answer = OSError("no network")
    engine.run([poll], asked_for=True)
    poll.refresh_from_db()
    assert timedelta(0) <= clock.now() - poll.last_attempt_at < timedelta(minutes=1)
