import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist.errors import AuthenticationError, FeatureGated, RateLimited, ServerFailed
from core.db import leases
from workspaces.models import Action, AuditEvent, Poll, Workspace
from workspaces.polling import engine, rate_limiter, registry

pytestmark = pytest.mark.django_db


def in_seconds(poll: Poll) -> float:
    poll.refresh_from_db()
    return (poll.next_run_at - timezone.now()).total_seconds()


def test_what_is_due_is_fetched_landed_and_given_its_next_time(poll, upstream):
    assert engine.run_due() == 1
    assert [data for _, data, _ in upstream.ingested] == ["fresh"]
    assert 58 < in_seconds(poll) <= 66
    assert poll.last_success_at is not None
    assert poll.leased_until is None


def test_what_is_not_due_is_left_alone(poll, upstream):
    Poll.objects.update(next_run_at=timezone.now() + timedelta(seconds=30))
    assert engine.run_due() == 0
    assert upstream.fetched == 0


def test_a_row_that_another_worker_holds_is_left_to_it(poll, upstream):
    Poll.objects.lease(10, 90)
    assert engine.run_due() == 0


def test_the_lease_of_a_dead_worker_runs_out(poll, upstream):
    Poll.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert engine.run_due() == 1


def test_failures_back_off_by_doubling_up_to_a_quarter_of_an_hour(poll, upstream):
    upstream.answer = ServerFailed("upstream is down", status=503)
    waits = []
    for _ in range(8):
        Poll.objects.update(next_run_at=timezone.now())
        engine.run_due()
        waits.append(in_seconds(poll))
    assert 13 < waits[0] <= 16.5
    assert 28 < waits[1] <= 33
    assert 850 < waits[-1] <= 990
    assert poll.consecutive_failures == 8
    assert poll.last_error == "upstream is down"


def test_a_rate_limit_waits_as_long_as_upstream_asked(poll, upstream):
    upstream.answer = RateLimited("slow down", status=429, retry_after=37.0)
    engine.run_due()
    assert 35 < in_seconds(poll) <= 41


def test_a_plan_without_the_feature_is_asked_again_seldom(poll, upstream):
    upstream.answer = FeatureGated("not in your plan", status=403)
    engine.run_due()
    assert in_seconds(poll) > 850


def test_success_after_failures_clears_the_error(poll, upstream):
    upstream.answer = ServerFailed("down", status=500)
    engine.run_due()
    Poll.objects.update(next_run_at=timezone.now())
    upstream.answer = "fresh again"
    engine.run_due()
    poll.refresh_from_db()
    assert (poll.last_error, poll.consecutive_failures) == ("", 0)


def refuse_again(later):
    """Have the poll run once more, ``later`` seconds after the first refusal."""
    Workspace.objects.update(api_key_doubted_at=timezone.now() - timedelta(seconds=later))
    Poll.objects.update(next_run_at=timezone.now())
    engine.run_due()


def test_a_key_that_is_refused_twice_stops_its_polls_and_is_recorded(poll, upstream):
    upstream.answer = AuthenticationError("revoked", status=401)
    engine.run_due()
    refuse_again(later=5)
    poll.refresh_from_db()
    assert poll.paused_reason == "Cleanlist rejected the stored API key."
    assert AuditEvent.objects.get().action == Action.CREDENTIAL_REJECTED


def test_one_refusal_stops_nothing_and_is_forgotten_once_upstream_accepts_the_key(poll, upstream):
    upstream.answer = AuthenticationError("busy", status=401)
    engine.run_due()
    poll.refresh_from_db()
    assert poll.paused_reason == ""
    assert timezone.now() < poll.next_run_at < timezone.now() + timedelta(seconds=20)

    upstream.answer = "fresh"
    Poll.objects.update(next_run_at=timezone.now())
    engine.run_due()
    assert Workspace.objects.get().api_key_doubted_at is None
    assert not AuditEvent.objects.exists()


def test_calls_that_are_refused_at_the_same_moment_are_one_refusal(poll, upstream):
    upstream.answer = AuthenticationError("busy", status=401)
    engine.run_due()
    refuse_again(later=4)
    assert Workspace.objects.get().api_key_rejected_at is None


def test_a_doubt_from_the_future_begins_anew(poll, upstream):
    upstream.answer = AuthenticationError("busy", status=401)
    refuse_again(later=-3600)
    workspace = Workspace.objects.get()
    assert workspace.api_key_rejected_at is None
    assert workspace.api_key_doubted_at <= timezone.now()


def test_a_paused_poll_does_not_run(poll, upstream):
    Poll.objects.update(paused_reason="No API key is stored.")
    assert engine.run_due() == 0


def test_what_has_a_lower_limit_takes_its_share_of_that_and_leaves_the_rest_to_others(poll, upstream, monkeypatch):
    narrow = replace(registry.resource_named("weather"), limit_per_minute=30)
    monkeypatch.setitem(registry._resources, "weather", narrow)
    assert rate_limiter.acquire([("org_example", "weather")] * 6).waits == [0] * 6
    engine.run_due()
    assert upstream.fetched == 0
    assert rate_limiter.acquire([("org_example", "weather")]).waits == [0]


def test_background_calls_wait_for_the_next_window_once_the_share_is_used(poll, upstream, settings):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 60, 5
    assert rate_limiter.acquire([("org_example", "weather")] * 3).waits == [0, 0, 0]
    engine.run_due()
    assert upstream.fetched == 0
    assert 0 < in_seconds(poll) <= 62


def test_a_person_is_never_held_back_by_the_pacer(poll, upstream, settings):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 60, 5
    rate_limiter.acquire([("org_example", "weather")] * 5)
    engine.run([poll], asked_for=True)
    assert upstream.fetched == 1


def test_a_call_makes_room_when_it_is_a_minute_old(settings):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 10, 20
    call = ("org_window", "weather")
    assert rate_limiter.acquire([call], now=600.0).waits == [0]
    assert rate_limiter.acquire([call], now=630.0).waits == [0]
    assert rate_limiter.acquire([call] * 4, now=659.0).waits == [3.0, 33.0, 65.0, 95.0]
    assert rate_limiter.acquire([call] * 2, now=662.0).waits == [0, 30.0]


def test_a_call_that_was_long_on_its_way_counts_from_its_answer(poll, upstream, settings, monkeypatch):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 10, 20
    monkeypatch.setattr(rate_limiter, "MARGIN_SECONDS", 0.1)

    async def slow(client, poll):
        await asyncio.sleep(0.3)

    upstream.on_fetch = slow
    before = rate_limiter.acquire([("org_example", "another")]).taken_at
    engine.run_due()
    (counted_at,) = rate_limiter.connection().lrange("pacer:org_example:weather", 0, -1)
    assert int(counted_at) - before >= 300


def test_one_failure_does_not_stop_the_others_of_a_batch(poll, upstream, workspace):
    Poll.objects.create(workspace=workspace, resource="weather", subject="broken", interval_seconds=60)
    upstream.failing_subject = "broken"
    assert engine.run_due() == 2
    assert [row.subject for row, _, _ in upstream.ingested] == [""]


def test_an_answer_that_cannot_be_stored_is_backed_off_and_said(poll, upstream, workspace, caplog):
    Poll.objects.create(workspace=workspace, resource="weather", subject="full", interval_seconds=60)
    upstream.unstorable_subject = "full"
    engine.run_due()
    assert [row.subject for row, _, _ in upstream.ingested] == [""]
    assert "could not be stored" in Poll.objects.get(subject="full").last_error


def test_a_worker_that_lives_keeps_its_leases_while_calls_are_on_their_way(poll, upstream, monkeypatch):
    async def answer_late(*_):
        await asyncio.sleep(0.1)
        return "late"

    monkeypatch.setattr(leases, "EXTEND_SECONDS", 0)
    upstream.on_fetch = answer_late
    turn, (mine,) = engine.PollTurn(), Poll.objects.lease(1, 1)
    first = mine.leased_until
    turn.begin([mine])
    turn.settle(patience=0)
    poll.refresh_from_db()
    assert poll.leased_until == mine.leased_until > first + timedelta(seconds=leases.SECONDS - 2)
    while turn:
        turn.settle()
    assert [data for _, data, _ in upstream.ingested] == ["late"]
    poll.refresh_from_db()
    assert poll.leased_until is None


def test_a_lease_that_another_worker_has_taken_is_not_extended(poll):
    (mine,) = Poll.objects.lease(1, 1)
    first, theirs = mine.leased_until, timezone.now() + timedelta(seconds=20)
    Poll.objects.update(leased_until=theirs)
    assert not Poll.objects.acquire(mine, seconds=90)
    poll.refresh_from_db()
    assert poll.leased_until == theirs
    assert mine.leased_until == first


def test_a_killed_worker_holds_nothing_up_for_long():
    assert leases.SECONDS <= 30
    assert leases.EXTEND_SECONDS <= leases.SECONDS / 5


def test_threads_that_are_needed_for_other_work_do_not_poll(poll, upstream):
    for _ in range(engine.MOST_TURNS):
        assert engine._turns.acquire(blocking=False)
    try:
        assert engine.run_turn() == 0
        assert upstream.fetched == 0
    finally:
        for _ in range(engine.MOST_TURNS):
            engine._turns.release()
    assert engine.run_turn() == 1
