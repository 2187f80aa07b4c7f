"""On PostgreSQL whole months go by dropping their partitions; what is known of them stays."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from keys.log.completeness import log_completeness
from keys.log.ingest import recount, retention
from keys.log.models import partitions
from keys.models import LoggedRequest
from tests.keys.log.ingest.conftest import START

pytestmark = pytest.mark.postgresql


@pytest.fixture
def aged(log, settings):
    """A key with requests of half a year ago and of today."""
    settings.KEEP_REQUESTS_DAYS, settings.KEEP_REQUESTS_ROWS = 30, 0
    log.write(20, since=-180 * 86_400, path="/old")
    log.write(10, since=0)
    log.list(20)
    log.read(21)
    connection.check_constraints()  # as at the end of the transaction in which they were ingested
    return log


def test_a_month_that_is_too_old_is_dropped_and_its_counts_stay(aged):
    old = partitions.name_of(START - timedelta(days=180))
    assert old in partitions.existing()
    assert retention.prune(START + timedelta(seconds=30)) == 20
    assert old not in partitions.existing()
    assert LoggedRequest.objects.count() == 10
    assert aged.key.traffic.everything().total() == 30
    assert log_completeness(aged.key).is_complete
    assert list(recount.recount(aged.workspace)) == []
    assert not aged.key.log_values.filter(value="/old").exists()


def test_rows_of_a_dropped_month_that_upstream_still_shows_do_not_come_back(aged):
    retention.prune(START + timedelta(seconds=30))
    aged.write(1, since=40)
    aged.list(50)
    aged.read(51)
    assert LoggedRequest.objects.count() == 11
    assert partitions.name_of(START - timedelta(days=180)) not in partitions.existing()


def test_the_edges_of_time_have_their_own_partitions():
    assert partitions.name_of(datetime(1999, 5, 1, tzinfo=UTC)) == partitions.EARLY
    assert partitions.name_of(datetime(2150, 5, 1, tzinfo=UTC)) == partitions.LATE
    assert partitions.bounds_of("keys_loggedrequest_2026_12") == ("'2026-12-01Z'", "'2027-01-01Z'")


@pytest.mark.django_db(transaction=True)
def test_a_month_that_is_being_read_waits_and_no_page_waits_for_it(aged):
    old = partitions.name_of(START - timedelta(days=180))
    with psycopg.connect(**connection.get_connection_params()) as backup:
        backup.execute("SELECT count(*) FROM keys_loggedrequest")
        assert retention.prune(START + timedelta(seconds=30)) == 0
        assert old in partitions.existing()
        assert LoggedRequest.objects.count() == 30  # nor are its rows removed one by one

    assert retention.prune(START + timedelta(seconds=30)) == 20
    assert old not in partitions.existing()


@pytest.mark.django_db(transaction=True)
def test_pages_land_while_a_month_waits_to_be_dropped(aged):
    slowest = 0.0
    with psycopg.connect(**connection.get_connection_params()) as backup, ThreadPoolExecutor(1) as pool:
        backup.execute("SELECT count(*) FROM keys_loggedrequest")
        pruning = pool.submit(prune_elsewhere, START + timedelta(seconds=30))
        second = 40
        while not pruning.done():
            aged.write(1, since=second)
            began = time.monotonic()
            assert aged.read(second + 1).new_rows == 1
            slowest = max(slowest, time.monotonic() - began)
            second += 2
    assert second > 42
    assert slowest < 1.5  # of five tries of 0.2 seconds none may keep a page for longer; the rest is this machine's


def prune_elsewhere(now):
    try:
        return retention.prune(now)
    finally:
        connection.close()


def test_where_rows_are_kept_for_months_whole_months_go(log, settings):
    settings.KEEP_REQUESTS_DAYS, settings.KEEP_REQUESTS_ROWS = 100, 0
    first_of_month = partitions.month_of(START - timedelta(days=100))
    days = (first_of_month - START).days
    log.write(10, since=days * 86_400 + 86_400)
    log.write(5, since=0)
    log.list(20)
    log.read(21)
    connection.check_constraints()

    assert retention.prune(START + timedelta(seconds=30)) == 0
    assert retention.prune(START + timedelta(days=31)) == 10


def test_a_month_into_which_a_page_landed_since_is_not_dropped(aged):
    old = START - timedelta(days=180)
    end = partitions.next_month(partitions.month_of(old))

    assert partitions.drop_before(end) == 0
    assert partitions.name_of(old) in partitions.existing()
