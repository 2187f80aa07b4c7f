"""On PostgreSQL whole months go by dropping their partitions; what is known of them stays."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from keys import retention, rollups
from keys.log import partitions
from keys.models import LoggedRequest
from tests.capture.conftest import START

pytestmark = pytest.mark.postgresql


@pytest.fixture
def aged(log, settings):
    """A key with requests of half a year ago and of today."""
    settings.KEEP_REQUESTS_DAYS, settings.KEEP_REQUESTS_ROWS = 30, 0
    log.write(20, since=-180 * 86_400, path="/old")
    log.write(10, since=0)
    log.list(20)
    log.read(21)
    connection.check_constraints()  # as at the end of the transaction in which they landed
    return log


def test_a_month_that_is_too_old_is_dropped_and_its_counts_stay(aged):
    old = partitions.name_of(START - timedelta(days=180))
    assert old in partitions.existing()
    assert retention.prune(START + timedelta(seconds=30)) == 20
    assert old not in partitions.existing()
    assert LoggedRequest.objects.count() == 10
    assert aged.key.traffic.everything().total() == 30
    assert aged.key.completeness().is_complete
    assert list(rollups.recount(aged.workspace)) == []
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
