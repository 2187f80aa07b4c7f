"""What the engine does when something changed while a call was on its way."""

import asyncio
import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist import Balance, Listing, MalformedRecord, Secret
from cleanlist.errors import AuthenticationError, RateLimited
from core import clock
from core.encryption import EncryptedValue
from keys.log.ingest.gaps import longest_seconds
from tests.workspaces.polling.test_engine import in_seconds
from usage.models import BalanceReading
from workspaces.models import Action, AuditEvent, Poll, Workspace
from workspaces.polling import (
    engine,
    ingest,
    rate_limiter,
)
from workspaces.polling.fetcher import FetchResult
from workspaces.polling.ingest import ingest_results
from workspaces.polling.poll_setup import stop_using_credential
from workspaces.polling.registry import resource_named
from workspaces.services.polling import refresh

pytestmark = pytest.mark.django_db


def answer(poll, **facts):
    return FetchResult(poll, data="fresh", fetched_at=timezone.now(), **facts)


def make_polls(workspace, count):
    rows = [
        Poll(workspace=workspace, resource="weather", subject=f"row-{n}", interval_seconds=60) for n in range(count)
    ]
    return Poll.objects.bulk_create(rows)


def test_a_lease_that_another_worker_has_taken_since_is_left_alone(poll):
    (mine,) = Poll.objects.lease(1, 90)
    theirs = timezone.now() + timedelta(seconds=500)
    Poll.objects.update(leased_until=theirs)
    ingest_results([answer(mine)])
    poll.refresh_from_db()
    assert (poll.leased_until, poll.last_success_at) == (theirs, None)


def test_reading_at_once_leaves_a_workers_lease_alone(poll, upstream, workspace):
    until = timezone.now() + timedelta(seconds=60)

    def ingest_while_a_worker_takes_it(poll, data, read_at):
        Poll.objects.update(leased_until=until)

    upstream.on_ingest = ingest_while_a_worker_takes_it
    assert refresh(workspace, "weather").ok
    poll.refresh_from_db()
    assert poll.leased_until == until


@pytest.mark.django_db(transaction=True)
def test_a_workspace_that_is_removed_during_the_call_takes_its_answer_with_it(workspace, caplog):
    removed = Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60)
    Workspace.objects.get().delete()
    settled = ingest_results(
        [FetchResult(removed, data=Balance(organization_id="org_example", credits=5), fetched_at=timezone.now())]
    )
    assert settled[0].error is None
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_rate_limit_holds_the_other_calls_to_that_endpoint_back(workspace, upstream):
    first, *others = make_polls(workspace, 3)
    upstream.answer = RateLimited("slow down", status=429, retry_after=37.0)
    engine.run([first])
    engine.run(others)
    assert upstream.fetched == 1
    assert 30 < in_seconds(others[0]) <= 38
    assert [poll.consecutive_failures for poll in others] == [0, 0]


def test_no_rate_limit_waits_longer_than_a_quarter_of_an_hour(poll, upstream):
    upstream.answer = RateLimited("come back tomorrow", status=429, retry_after=86_400.0)
    engine.run_due()
    assert 850 < in_seconds(poll) <= 990
    assert max(rate_limiter.acquire([("org_example", "weather")]).waits) <= ingest.LONGEST_WAIT_SECONDS


def test_many_polls_that_are_refused_at_once_are_one_event(workspace, upstream):
    make_polls(workspace, 10)
    upstream.answer = AuthenticationError("revoked", status=401)
    engine.run_due()
    Workspace.objects.update(api_key_doubted_at=timezone.now() - timedelta(seconds=5))
    Poll.objects.update(next_run_at=timezone.now())
    engine.run_due()
    assert AuditEvent.objects.filter(action=Action.CREDENTIAL_REJECTED).count() == 1
    assert Poll.objects.filter(subject__startswith="row-").exclude(paused_reason="").count() == 10


def test_a_refusal_of_the_former_key_does_not_stop_the_new_one(poll, workspace):
    former = Workspace.objects.get()
    Workspace.objects.update(api_key=EncryptedValue.encrypt(Secret("clapi_" + "n" * 64)))
    stop_using_credential(former, "api_key", AuthenticationError("revoked", status=401))
    assert Workspace.objects.get().api_key_rejected_at is None
    assert not AuditEvent.objects.exists()


def test_without_redis_nothing_is_called_and_nothing_counts_as_failed(poll, upstream, settings, monkeypatch, caplog):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(rate_limiter, "_pool", None)
    engine.run_due()
    assert upstream.fetched == 0
    assert 0 < in_seconds(poll) <= 6
    assert poll.consecutive_failures == 0
    assert "pacer_unreachable" in caplog.text


def test_what_no_app_reads_any_more_does_not_stop_the_others(poll, upstream, workspace):
    Poll.objects.create(workspace=workspace, resource="tides", interval_seconds=60)
    assert engine.run_due() == 2
    assert len(upstream.ingested) == 1
    assert "reads no tides" in Poll.objects.get(resource="tides").last_error


def test_what_a_clock_that_was_ahead_has_put_off_is_due_again(poll, upstream):
    ahead = timezone.now() + timedelta(days=400)
    Poll.objects.update(last_attempt_at=ahead, leased_until=ahead, next_run_at=ahead)
    assert engine.run_due() == 0
    assert clock.repair_future_times() == 1
    assert engine.run_due() == 1


def test_a_request_log_is_tried_again_before_a_page_can_have_passed(settings):
    longest = resource_named("requests").longest_wait_seconds()
    waits = [ingest.wait_after_failure(436, failures, OSError("no network"), longest) for failures in range(1, 20)]
    assert waits[0] <= timedelta(seconds=16.5)
    assert max(waits) <= timedelta(seconds=1.1 * longest_seconds(settings.RATE_LIMIT_PER_MINUTE))


def test_a_slow_upstream_leaves_the_other_places_to_others(workspace, upstream, monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 2)
    monkeypatch.setattr(engine, "_REFILL", 1)
    make_polls(workspace, 5)

    others_ingested = threading.Event()

    async def fetch(client, poll):
        if poll.subject == "row-0":
            await asyncio.to_thread(others_ingested.wait, 10)

    def ingest(poll, data, read_at):
        if len(upstream.ingested) == 3:
            others_ingested.set()

    upstream.on_fetch, upstream.on_ingest = fetch, ingest
    assert engine.run_turn() == 5
    assert upstream.ingested[-1][0].subject == "row-0"


def test_an_answer_that_cannot_be_stored_takes_none_of_its_neighbours_with_it(workspace, upstream):
    others = [Workspace.objects.create(name=f"Other {n}", slug=f"other-{n}", base_url="") for n in range(3)]
    upstream.unstorable_subject = "full"
    broken = Poll.objects.create(workspace=others[1], resource="weather", subject="full", interval_seconds=60)
    rows = [Poll.objects.create(workspace=row, resource="balance", interval_seconds=60) for row in (workspace, *others)]
    balance = Balance(organization_id="org_example", credits=5)
    settled = ingest_results(
        [FetchResult(row, data=balance, fetched_at=timezone.now()) for row in rows] + [answer(broken)]
    )
    assert [type(one.error).__name__ for one in settled] == ["NoneType"] * 4 + ["IngestFailed"]
    assert sorted(BalanceReading.objects.values_list("workspace", flat=True)) == [row.workspace_id for row in rows]
    assert Poll.objects.filter(last_success_at=None).get() == broken


def test_records_that_could_not_be_read_are_counted_until_they_are_gone(poll, upstream, workspace):
    upstream.answer = Listing(["good"], [MalformedRecord("id is missing", '{"id": null}')] * 2, 3)
    refresh(workspace, "weather")
    poll.refresh_from_db()
    assert (poll.odd_count, poll.odd_example) == (2, 'id is missing: {"id": null}')
    assert poll.consecutive_failures == 0

    upstream.answer = Listing(["good"])
    refresh(workspace, "weather")
    poll.refresh_from_db()
    assert (poll.odd_count, poll.odd_example) == (0, "")


def test_many_polls_are_rescheduled_at_once(workspace, upstream, django_assert_num_queries):
    rows = make_polls(workspace, 3)
    for number, row in enumerate(rows):
        row.interval_seconds, row.next_run_at = 100 + number, clock.now() + timedelta(seconds=number)
    untouched = Poll.objects.create(workspace=workspace, resource="weather", interval_seconds=60)
    with django_assert_num_queries(1):
        Poll.objects.reschedule(rows)
    stored = Poll.objects.exclude(pk=untouched.pk).order_by("pk")
    assert [(row.interval_seconds, row.next_run_at) for row in stored] == [
        (row.interval_seconds, row.next_run_at) for row in rows
    ]
    untouched.refresh_from_db()
    assert untouched.interval_seconds == 60
