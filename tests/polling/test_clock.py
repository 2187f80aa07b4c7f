"""The one clock: what was dated into the future is brought back, in each table that such a clock can have filled."""

from datetime import timedelta

import pytest
from django.apps import apps

from alerts.models import Alert, Evaluation, Notification, Recipient
from alerts.models.evaluation import SendingTurn
from alerts.sending import LEASE_SECONDS as SENDING_LEASE
from alerts.services import evaluating
from keys.models import ApiKey, KeyCreation, LogGap
from tests.keys.conftest import add_session, make_key
from webhooks.models import Delivery, DeliveryGap, EndpointCheck, Item, Redelivery, Workflow
from webhooks.redelivery import leasing
from webhooks.services import checking
from workspaces import clock
from workspaces.models import ManagementSession, Poll, Workspace
from workspaces.models.mail import AccountMail
from workspaces.polling import engine

pytestmark = pytest.mark.django_db
MOVES = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=30)]


def recipient(workspace, _=None):
    return Recipient.objects.create(workspace=workspace, address="pager@example.test")


def workflow(workspace, now):
    return Workflow.objects.create(workspace=workspace, workflow_id="w", first_seen_at=now)


# Everything that the clock watches, and how to make a row of it.
ROWS = {
    Workspace: lambda workspace, _: workspace,
    ManagementSession: lambda workspace, _: add_session(workspace),
    Poll: lambda workspace, _: Poll.objects.create(workspace=workspace, resource="keys", interval_seconds=60),
    AccountMail: lambda *_: AccountMail.objects.create(template="t", address="a@example.test"),
    ApiKey: lambda workspace, _: make_key(workspace),
    KeyCreation: lambda workspace, _: KeyCreation.objects.create(workspace=workspace),
    LogGap: lambda workspace, now: LogGap.objects.create(
        key=make_key(workspace), after=now, before=now, detected_at=now
    ),
    Alert: lambda workspace, now: Alert.objects.create(workspace=workspace, started_at=now, evaluated_at=now),
    Evaluation: lambda workspace, _: Evaluation.objects.get_or_create(workspace=workspace)[0],
    SendingTurn: lambda *_: SendingTurn.objects.get_or_create(pk=SendingTurn.ONLY)[0],
    Recipient: recipient,
    Notification: lambda workspace, _: Notification.objects.create(
        key="k", workspace=workspace, recipient=recipient(workspace), kind="test"
    ),
    Workflow: workflow,
    Delivery: lambda workspace, now: Delivery.objects.create(
        workspace=workspace, workflow=workflow(workspace, now), first_attempt_at=now, last_attempt_at=now
    ),
    DeliveryGap: lambda workspace, now: DeliveryGap.objects.create(
        workspace=workspace, after=now, before=now, detected_at=now
    ),
    EndpointCheck: lambda workspace, _: EndpointCheck.objects.create(workspace=workspace, url="https://example.com"),
    Redelivery: lambda workspace, _: Redelivery.objects.create(workspace=workspace),
    Item: lambda workspace, now: Item.objects.create(
        redelivery=Redelivery.objects.create(workspace=workspace), workflow=workflow(workspace, now), url="u"
    ),
}


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
    dated, leases = columns_of(model)
    longest = dict.fromkeys(leases, before + ahead + clock.LONGEST_LEASE)
    model.objects.filter(pk=row.pk).update(**dict.fromkeys(dated, before + ahead), **longest)
    clock.mend()
    row.refresh_from_db()
    assert all(before <= getattr(row, name) <= clock.now() for name in dated)
    assert not any(getattr(row, name) for name in leases)


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
    assert clock.mend() == 0
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in right} == right


def test_nothing_is_made_of_moments_that_are_not_there(workspace):
    key = make_key(workspace, read_at=clock.now() + timedelta(days=30))
    assert clock.mend() == 1
    key.refresh_from_db()
    assert (key.gone_at, key.revoked_at, key.kept_from) == (None, None, None)


def test_what_was_put_off_by_more_than_anything_can_be_is_due(poll):
    Poll.objects.update(next_run_at=clock.now() + timedelta(days=30))
    assert clock.mend() == 1
    assert engine.run_due() == 1


def test_no_lease_lasts_longer_than_the_clock_allows():
    seconds = [engine.LEASE_SECONDS, evaluating.LEASE_SECONDS, SENDING_LEASE]
    leases = [*(timedelta(seconds=one) for one in seconds), leasing.LEASE, checking.LEASE]
    assert max(leases) <= clock.LONGEST_LEASE


def test_a_refused_try_that_a_person_asked_for_tells_when_it_was(poll, upstream):
    upstream.answer = OSError("no network")
    engine.run([poll], asked_for=True)
    poll.refresh_from_db()
    assert timedelta(0) <= clock.now() - poll.last_attempt_at < timedelta(minutes=1)
