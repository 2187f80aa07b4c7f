"""Rollups equal the log, whatever is ingested in whatever order."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from msgspec import structs

from core.db.histogram import percentile
from core.db.rollups import hour_of
from keys import sync
from keys.log.ingest import recount
from keys.models import KeyTraffic, LoggedRequest, WorkspaceTraffic
from tests.fixtures import count_into_rollups
from tests.keys.log.ingest.conftest import START, at
from tests.keys.test_sync import listed
from workspaces.models import Workspace


@pytest.fixture
def busy(log):
    """A key with two hours of traffic, some of it failing, read in overlapping pages."""
    log.write(400, since=0, seconds_apart=7)
    log.list(2900)
    log.read(2901)
    log.write(90, since=3000, seconds_apart=50, status_code=429, duration_ms=3)
    log.write(10, since=8000, path="/api/v2/lead-lists/17", user_agent="cleanlist-console/0.1.0")
    log.list(8100)
    log.read(8101)
    log.read(8102)
    return log


def test_rollups_equal_a_recount(busy, capsys):
    call_command("recount_rollups")
    assert "equals a recount" in capsys.readouterr().out


def test_everything_and_the_single_endpoints_hold_the_same(busy):
    for traffic in (busy.key.traffic, WorkspaceTraffic.objects.filter(workspace=busy.workspace)):
        assert traffic.everything().total() == traffic.by_endpoint().total() == 490
        assert traffic.everything().errors().total() == 90
        assert traffic.by_console().total() == 10


def test_percentiles_come_from_the_rollups(busy):
    durations = busy.key.traffic.everything().durations()
    assert percentile(durations, 0.5) == pytest.approx(40, rel=0.091)
    assert percentile(durations, 0.05) == pytest.approx(3, rel=0.091)


def test_hours_are_found_by_their_beginning(busy):
    hour = START.replace(minute=0, second=0)
    found = busy.key.traffic.everything().between(hour, at(86_400)).total()
    assert found == 490
    assert busy.key.traffic.between(at(86_400), at(90_000)).total() == 0


def test_a_rollup_that_is_wrong_is_reported_and_set_right(busy, capsys):
    KeyTraffic.objects.filter(endpoint="").update(count=1)
    with pytest.raises(CommandError, match="cells differ"):
        call_command("recount_rollups")
    assert "everything 2xx: the rollup says 1, the log" in capsys.readouterr().out
    call_command("recount_rollups", "--repair")
    assert list(recount.recount(busy.workspace)) == []


def test_counting_twice_finds_the_same(busy):
    wrong = KeyTraffic.objects.filter(endpoint="").update(count=F("count") + 1)

    first = list(recount.recount(busy.workspace))

    assert len(first) == 2 * wrong > 0  # of the key, and of the workspace
    assert list(recount.recount(busy.workspace)) == first


def test_a_row_that_is_lost_from_the_log_is_noticed(busy):
    LoggedRequest.objects.filter(is_own_call=False).first().delete()
    assert any("the rollup says" in sentence for sentence in recount.recount(busy.workspace))


def test_an_unknown_workspace_is_said_to_be_so(db):
    with pytest.raises(CommandError, match="not found"):
        call_command("recount_rollups", "--workspace", "nowhere")


def test_keys_of_a_workspace_add_up(busy):
    sync.ingest_full_list(busy.workspace, [listed(1)], at(9000))
    other = sync.ApiKey.objects.get(upstream_id=listed(1).id)
    count_into_rollups(other, list(LoggedRequest.objects.filter(is_own_call=False)))
    total = WorkspaceTraffic.objects.filter(workspace=busy.workspace).everything().total()
    assert total == busy.key.traffic.everything().total() + other.traffic.everything().total() == 980


def test_a_page_lands_in_as_many_queries_whether_it_holds_ten_or_five_hundred_rows(log):
    # SQLite takes the rows themselves in several statements, because of its limit on parameters.
    counts = []
    log.list(0)
    log.write(1, since=1)
    log.read(0)  # the first row of a month makes its partition
    for rows in (10, 490):
        log.write(rows, since=len(log.rows) + 1)
        log.list(1000)
        with CaptureQueriesContext(connection) as queries:
            log.read(1001)
        counts.append(sum(not re.search("INTO .keys_(loggedrequest|keyendpoint)", q["sql"]) for q in queries))
    assert counts[0] == counts[1]


def test_requests_of_no_known_duration_add_up_page_by_page(log):
    log.list(0)
    for second in (1, 2, 3):
        log.write(1, since=second, duration_ms=None)
        log.read(10 + second)
    everything = log.key.traffic.everything()
    assert (everything.total(), everything.durations()) == (3, {})


def test_durations_add_up_page_by_page(log):
    log.list(0)
    for second, duration in enumerate((0, 40, 40, 5000)):
        log.write(1, since=second, duration_ms=duration)
        log.read(10 + second)
    everything = log.key.traffic.everything()
    assert everything.total() == sum(everything.durations().values()) == 4
    assert percentile(everything.durations(), 0.5) == pytest.approx(40, rel=0.091)


def rename(name):
    """Write to the workspace by a connection of our own."""
    try:
        return Workspace.objects.update(name=name)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_while_differences_are_reported_others_may_write(busy):
    KeyTraffic.objects.filter(endpoint="").update(count=1)

    found = recount.recount(busy.workspace)
    assert next(found)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(rename, "Renamed").result(timeout=5) == 1
    assert list(found)


def test_a_page_that_lands_during_a_recount_is_no_difference(busy):
    wrong = KeyTraffic.objects.filter(endpoint="").update(count=F("count") + 1)

    found = recount.recount(busy.workspace)
    said = [next(found)]
    busy.write(40, since=9000, path="/api/v2/people/search")
    busy.list(9100)
    busy.read(9101)
    said += found

    assert len(said) == 2 * wrong > 0  # of the key, and of the workspace
    assert all("everything" in sentence for sentence in said)


@pytest.mark.django_db(transaction=True)
def test_a_repair_counts_nothing_under_the_lock_but_what_came_meanwhile(busy, monkeypatch):
    hour = hour_of(busy.rows[-1].created_at)
    KeyTraffic.objects.filter(hour=hour).update(count=1)
    held, count_rows, count_ahead = [], recount.count_rows, recount._KeyLevel.count_ahead

    def recording(rows, endpoints):
        rows = list(rows)
        held.append(len(rows) if connection.in_atomic_block else 0)
        return count_rows(rows, endpoints)

    def ingest_afterwards(level, *hours):
        counted = count_ahead(level, *hours)
        busy.write(3, since=8001)
        busy.list(8200)
        busy.read(8201)
        return counted

    monkeypatch.setattr(recount, "count_rows", recording)
    monkeypatch.setattr(recount._KeyLevel, "count_ahead", ingest_afterwards)
    assert list(recount.recount(busy.workspace, repair=True))
    assert max(held) == 3
    monkeypatch.undo()
    assert list(recount.recount(busy.workspace)) == []


def test_a_repair_counts_what_came_meanwhile_among_the_facets(busy, monkeypatch):
    busy.key.log_values.all().delete()
    count = recount.facet.count_facets

    def count_slowly(rows):
        counted = list(count(rows))
        busy.write(5, since=9000, status_code=429)
        busy.list(9100)
        busy.read(9101)
        return counted

    monkeypatch.setattr(recount.facet, "count_facets", count_slowly)
    recount.recount_facets(busy.key)

    assert busy.key.log_values.get(kind="status_code", value="429").count == 95


@pytest.mark.parametrize("year", [1900, 9999])
def test_rows_at_the_ends_of_time_are_counted_like_others(log, year):
    log.write(3, since=0)
    log.rows[0] = structs.replace(log.rows[0], created_at=datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    log.list(10)
    log.read(11)

    assert log.key.traffic.everything().total() == 3
    assert list(recount.recount(log.workspace)) == []
