"""What the mirror holds stays true when a clock is wrong, was wrong, or differs between machines."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from core import clock
from keys import sync
from keys.models import ApiKey
from keys.services import revoke
from tests.keys.test_sync import listed
from tests.wait import wait_until
from workspaces.audit.events import CONSOLE

MOVES = [timedelta(seconds=40), timedelta(hours=1), timedelta(days=30)]


def ingest(workspace, *keys, later=timedelta(0)):
    sync.ingest_full_list(workspace, list(keys), clock.now() + later)


@pytest.mark.parametrize("ahead", MOVES)
def test_a_list_dated_by_a_clock_that_was_ahead_does_not_hold_up_the_next_one(workspace, ahead):
    ingest(workspace, listed(1))
    ApiKey.objects.update(read_at=clock.now() + ahead)
    ingest(workspace, listed(1, is_active=False, request_count=999))
    key = ApiKey.objects.get()
    assert (key.is_active, key.request_count) == (False, 999)
    assert key.read_at <= clock.now()


@pytest.mark.parametrize("ahead", MOVES)
def test_a_key_dated_ahead_that_is_not_listed_any_more_is_gone(workspace, ahead):
    ingest(workspace, listed(1))
    ApiKey.objects.update(read_at=clock.now() + ahead)
    ingest(workspace)
    assert ApiKey.objects.get().gone_at <= clock.now()


def test_a_list_that_claims_to_come_from_the_future_is_dated_now(workspace):
    ingest(workspace, listed(1), later=timedelta(days=30))
    assert ApiKey.objects.get().read_at <= clock.now()


def test_an_older_list_does_not_bring_a_key_back_that_a_newer_one_no_longer_has(workspace):
    ingest(workspace, listed(1), later=timedelta(seconds=-30))
    ingest(workspace, later=timedelta(seconds=-10))
    ingest(workspace, listed(1), later=timedelta(seconds=-20))
    assert ApiKey.objects.get().gone_at is not None


def test_a_revocation_is_taken_back_once_a_list_shows_the_key_as_active(workspace, operator):
    ingest(workspace, listed(1), later=timedelta(days=-5))
    ingest(workspace, listed(1, is_active=False), later=timedelta(days=-4))
    ApiKey.objects.update(revoked_by=operator)
    ingest(workspace, listed(1), later=timedelta(days=-3))
    key = ApiKey.objects.get()
    assert (key.revoked_at, key.revoked_by) == (None, None)

    ingest(workspace, listed(1, is_active=False))
    assert clock.now() - ApiKey.objects.get().revoked_at < timedelta(minutes=1)


class Aside:
    """A piece of work in a thread, with a database connection of its own."""

    def __init__(self, work):
        self.thread = threading.Thread(target=self._run, args=[work], daemon=True)
        self.thread.start()

    def _run(self, work):
        try:
            work()
        finally:
            connections.close_all()

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()


def waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


@pytest.mark.postgresql  # SQLite lets one transaction write at a time
@pytest.mark.django_db(transaction=True)
def test_a_list_in_flight_cannot_undo_a_revocation_that_comes_between_its_reading_and_its_writing(
    workspace, operator, monkeypatch
):
    ingest(workspace, listed(1), later=timedelta(seconds=-10))
    key, before = ApiKey.objects.get(), clock.now()
    has_read, may_write, apply = threading.Event(), threading.Event(), sync._apply

    def paused(*arguments):
        has_read.set()
        assert may_write.wait(20)
        apply(*arguments)

    monkeypatch.setattr(sync, "_apply", paused)
    list_poll = Aside(lambda: sync.ingest_full_list(workspace, [listed(1)], before))
    assert has_read.wait(20)
    command = Aside(lambda: revoke._mark_revoked(key, CONSOLE, clock.now()))
    wait_until(lambda: waits_for_a_lock() or not command.thread.is_alive())
    may_write.set()
    list_poll.end()
    command.end()
    key.refresh_from_db()
    assert not key.is_active
    assert key.revoked_at > before


def test_times_of_reading_come_from_the_clock_of_the_database(db):
    machine = timezone.now()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            machine = cursor.fetchone()[0]
    assert timedelta(0) <= clock.now() - machine < timedelta(seconds=5)
