"""What is removed of the log, and what stays."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from keys import retention, rollups
from keys.models import LoggedRequest
from keys.tallying import hour_of
from tests.capture.conftest import START, at

DAY = 86_400


@pytest.fixture
def old(log):
    """A key with 300 requests in each of two days."""
    log.write(300, since=0, seconds_apart=30)
    log.write(200, since=2 * DAY, seconds_apart=30)
    log.list(3 * DAY)
    log.read(3 * DAY)
    return log


def prune(days_after, settings, **limits):
    for name, value in {"KEEP_REQUESTS_DAYS": 1, "KEEP_REQUESTS_ROWS": 0, **limits}.items():
        setattr(settings, name, value)
    return retention.prune(START + timedelta(days=days_after))


def test_rows_past_their_age_go_and_rollups_stay(old, settings):
    assert prune(3, settings) == 300
    assert LoggedRequest.objects.count() == 200
    assert old.key.traffic.everything().total() == 500
    assert old.key.completeness().is_complete


def test_pruned_rows_that_upstream_still_shows_do_not_come_back(old, settings):
    prune(3, settings)
    old.write(5, since=3 * DAY)
    old.list(3 * DAY + 60)
    old.read(3 * DAY + 61)
    assert LoggedRequest.objects.count() == 205
    assert old.key.traffic.everything().total() == 505
    assert old.key.completeness().is_complete


def test_rollups_equal_a_recount_of_what_is_left(old, settings):
    prune(3, settings)
    assert list(rollups.recount(old.workspace)) == []


def test_only_so_many_rows_are_kept_counted_in_whole_hours(old, settings):
    pruned = prune(3, settings, KEEP_REQUESTS_DAYS=400, KEEP_REQUESTS_ROWS=150)
    first = LoggedRequest.objects.order_by("created_at").first()
    # As many as fit, less one hour's at most: when the rows were made decides how they fall into hours.
    assert 150 - 120 < LoggedRequest.objects.count() <= 150
    assert pruned + LoggedRequest.objects.count() == 500
    assert old.key.kept_from == hour_of(first.created_at)


def test_nothing_is_removed_that_is_young_enough(old, settings):
    assert prune(3, settings, KEEP_REQUESTS_DAYS=400, KEEP_REQUESTS_ROWS=500) == 0
    assert old.key.kept_from is None


def test_pruning_twice_removes_nothing_more(old, settings):
    prune(3, settings)
    assert prune(3, settings) == 0


def test_the_command_says_how_many_rows_went(old, settings, capsys):
    settings.KEEP_REQUESTS_DAYS = 400
    call_command("prune_requests")
    assert "0 rows were removed" in capsys.readouterr().out


def test_a_page_that_reaches_back_past_the_cut_leaves_no_gap(old, settings):
    prune(4, settings, KEEP_REQUESTS_DAYS=1)
    assert not LoggedRequest.objects.exists()
    old.list(4 * DAY)
    old.read(4 * DAY + 1)
    assert not old.key.gaps.exists()
    assert at(0) < old.key.kept_from
