"""How the polls of request logs follow what keys do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist import Listing, RequestLogEntry
from keys import polls, sync
from keys.log.ingest import pages as log_ingest
from tests.keys.log.ingest.conftest import KEY
from tests.keys.test_sync import listed
from workspaces.models import Poll

pytestmark = pytest.mark.django_db


def note_reading(log, **facts):
    now = timezone.now()
    Poll.objects.filter(pk=log.poll.pk).update(
        last_success_at=now - timedelta(seconds=90), next_run_at=now + timedelta(seconds=300), **facts
    )


def seconds_left(poll):
    return (poll.next_run_at - timezone.now()).total_seconds()


@pytest.fixture
def read_log(log):
    """A key whose ten requests are all here."""
    log.write(10, since=0)
    log.list(11)
    log.read(12)
    return log


def test_a_key_whose_count_moved_is_due_at_once(read_log):
    note_reading(read_log)
    read_log.write(1, since=20)
    read_log.list(21)
    assert seconds_left(read_log.poll) <= 0


def test_a_key_whose_count_stands_still_waits(read_log):
    note_reading(read_log)
    read_log.list(21)
    assert seconds_left(read_log.poll) > 200


def test_a_failing_reading_keeps_the_wait_it_was_given(read_log):
    note_reading(read_log, consecutive_failures=2)
    read_log.write(1, since=20)
    read_log.list(21)
    assert seconds_left(read_log.poll) > 200


def test_fifty_keys_in_use_are_spread_over_the_share(workspace):
    keys = [listed(number, request_count=3) for number in range(50)]
    sync.ingest_full_list(workspace, keys, timezone.now())
    now = timezone.now()
    Poll.objects.update(last_success_at=now, next_run_at=now + timedelta(seconds=436))
    sync.ingest_full_list(workspace, keys, now + timedelta(seconds=1))
    assert 300 < min(seconds_left(poll) for poll in Poll.objects.all()) < 320


def test_the_interval_follows_the_rate_of_the_page(read_log):
    now = timezone.now()
    rows = [RequestLogEntry(id=f"busy-{n}", created_at=now - timedelta(seconds=n / 5)) for n in range(500)]
    poll = read_log.poll
    polls.ingest_requests(poll, Listing(rows), now)
    assert poll.interval_seconds <= 46
    assert read_log.poll.interval_seconds == poll.interval_seconds


def test_a_revoked_key_is_looked_at_once_more_and_then_seldom(read_log):
    note_reading(read_log)
    sync.ingest_full_list(read_log.workspace, [listed(0, id=KEY, is_active=False)], timezone.now())
    poll = read_log.poll
    assert seconds_left(poll) <= 0
    log_ingest.reschedule(poll, [timezone.now()] * 500, timezone.now(), found_gap=True)
    assert poll.interval_seconds == 6 * 3600
