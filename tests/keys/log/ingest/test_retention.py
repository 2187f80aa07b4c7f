"""What is removed of the log, and what stays."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F, QuerySet

from core.db.rollups import hour_of
from keys.log.completeness import log_completeness
from keys.log.ingest import recount, retention
from keys.models import ApiKey, KeyTraffic, LoggedRequest
from tests.keys.log.ingest.conftest import START, at

DAY = 86_400


@pytest.fixture
def old(log):
    """A key with 300 requests in each of two days."""
    log.write(300, since=0, seconds_apart=30)
    log.write(200, since=2 * DAY, seconds_apart=30)
    log.list(3 * DAY)
    log.read(3 * DAY)
    connection.check_constraints()  # as at the end of the transaction in which they were ingested
    return log


def prune(days_after, settings, **limits):
    for name, value in {"KEEP_REQUESTS_DAYS": 1, "KEEP_REQUESTS_ROWS": 0, **limits}.items():
        setattr(settings, name, value)
    return retention.prune(START + timedelta(days=days_after))


def test_rows_past_their_age_go_and_rollups_stay(old, settings):
    assert prune(3, settings) == 300
    assert LoggedRequest.objects.count() == 200
    assert old.key.traffic.everything().total() == 500
    assert log_completeness(old.key).is_complete


def test_pruned_rows_that_upstream_still_shows_do_not_come_back(old, settings):
    prune(3, settings)
    old.write(5, since=3 * DAY)
    old.list(3 * DAY + 60)
    old.read(3 * DAY + 61)
    assert LoggedRequest.objects.count() == 205
    assert old.key.traffic.everything().total() == 505
    assert log_completeness(old.key).is_complete


def test_rollups_equal_a_recount_of_what_is_left(old, settings):
    prune(3, settings)
    assert list(recount.recount(old.workspace)) == []


def test_only_so_many_rows_are_kept_counted_in_whole_hours(old, settings):
    pruned = prune(3, settings, KEEP_REQUESTS_DAYS=400, KEEP_REQUESTS_ROWS=150)
    first = LoggedRequest.objects.order_by("created_at").first()
    # As many as fit, less one hour's at most: when the rows were made decides how they fall into hours.
    assert 150 - 120 < LoggedRequest.objects.count() <= 150
    assert pruned + LoggedRequest.objects.count() == 500
    assert old.key.kept_from == hour_of(first.created_at)


def test_no_limit_on_rows_takes_those_of_this_hour_or_the_last(log, settings):
    log.write(300, since=0, seconds_apart=1)
    log.list(301)
    log.read(302)
    now = hour_of(at(0)) + timedelta(minutes=59)

    settings.KEEP_REQUESTS_ROWS = 10
    assert retention.prune(now) == 0
    log.write(20, since=400)
    log.list(500)
    assert log.read(501).new_rows == 20


def test_a_workspace_keeps_its_rows_however_much_another_logs(old, settings, another_log):
    another_log.write(400, since=2 * DAY, seconds_apart=30)
    another_log.list(3 * DAY)
    another_log.read(3 * DAY)

    pruned = prune(3, settings, KEEP_REQUESTS_DAYS=400, KEEP_REQUESTS_ROWS=500)

    assert pruned == 0


def test_a_clock_that_was_ahead_does_not_keep_out_what_is_logged_now(old, settings):
    ApiKey.objects.update(kept_from=at(40 * DAY))
    prune(3, settings)
    old.write(5, since=3 * DAY + 10)
    old.list(3 * DAY + 60)

    assert old.read(3 * DAY + 61).new_rows == 5


@pytest.fixture
def half_pruned(old, settings, monkeypatch):
    """A key whose first day was to be pruned, by a process that died after the first rows."""
    monkeypatch.setattr(retention, "BATCH", 100)
    delete = QuerySet.delete

    def die_afterwards(rows):
        delete(rows)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "delete", die_afterwards)
        with pytest.raises(KeyboardInterrupt):
            # By number and not by age: what is older goes by whole months, and one may end between the two days.
            prune(3, settings, KEEP_REQUESTS_DAYS=400, KEEP_REQUESTS_ROWS=200)
    assert LoggedRequest.objects.count() == 400
    return old


def test_a_recount_leaves_alone_the_hours_that_are_being_pruned(half_pruned):
    assert list(recount.recount(half_pruned.workspace)) == []


def test_repairing_after_an_interrupted_pruning_destroys_no_history(half_pruned, settings):
    list(recount.recount(half_pruned.workspace, repair=True))
    prune(3, settings)

    assert half_pruned.key.traffic.everything().total() == 500
    assert half_pruned.workspace.traffic.everything().total() == 500


def test_an_hour_that_is_pruned_while_it_is_counted_keeps_its_history(old, settings, monkeypatch):
    KeyTraffic.objects.filter(hour=hour_of(at(0))).update(count=F("count") + 1)
    count_ahead = recount._KeyLevel.count_ahead

    def prune_afterwards(level, *hours):
        counted = count_ahead(level, *hours)
        prune(3, settings)
        return counted

    monkeypatch.setattr(recount._KeyLevel, "count_ahead", prune_afterwards)
    before = old.key.traffic.everything().total()
    assert list(recount.recount(old.workspace, repair=True))
    assert old.key.traffic.everything().total() == before


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


def test_new_rows_after_everything_was_pruned_and_forgotten_are_no_gap(old, settings):
    prune(4, settings, KEEP_REQUESTS_DAYS=1)
    old.write(3, since=5 * DAY)
    old.list(5 * DAY + 100)
    old.read(5 * DAY + 101, old.rows[-3:])
    assert not old.key.gaps.exists()
    assert log_completeness(old.key).is_complete
