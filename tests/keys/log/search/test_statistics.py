from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.fixtures import count_into_rollups
from tests.keys.conftest import text_of


@pytest.fixture
def figures(log):
    return lambda query="", url="": log.get(query, url=(url or log.all_url) + "figures/").context["figures"]


def said(items):
    return [(item.status, item.text, item.count) if item.status else (item.text, item.count) for item in items]


def test_errors_are_grouped_by_status_and_endpoint_with_counts(log, figures):
    for status, path in ((429, "/bulk"), (429, "/bulk"), (429, "/status"), (200, "/bulk")):
        log.add(status_code=status, path=path)
    assert said(figures().errors) == [(429, "/bulk", 2), (429, "/status", 1)]


def test_each_figure_is_a_filter_that_shows_as_many_rows_as_it_counts(log, figures):
    for number in range(6):
        log.add(path=f"/p{number % 2}", ip_address=f"203.0.113.{number % 3}", status_code=401 if number % 2 else 429)
    found = figures()
    items = [*found.errors, *found.paths, *found.addresses, *found.agents, *found.calls]
    assert len(items) == 2 + 2 + 3 + 1 + 2
    assert all(len(log.shown(item.url)) == item.count for item in items)


def test_bars_add_up_and_each_leads_to_its_own_rows(log, figures):
    now = timezone.now()
    for minutes in (1, 2, 2, 30, 600):
        log.add(created_at=now - timedelta(minutes=minutes), status_code=500 if minutes == 600 else 200)
    bars = figures().bars
    assert sum(bar.total for bar in bars) == 5
    assert all(len(log.shown(bar.url)) == bar.total for bar in bars if bar.total)
    assert bars[0].counts == {5: 1}


def test_the_chart_shows_only_classes_that_occur_and_durations_where_they_are_known(log):
    now = timezone.now()
    log.add(created_at=now - timedelta(minutes=1), status_code=500, duration_ms=40)
    log.add(created_at=now - timedelta(minutes=30), status_code=200, duration_ms=None)
    charts = log.get(url=log.all_url + "figures/").context["charts"]
    assert [item.text for item in charts.requests.legend] == ["2xx", "5xx"]
    assert charts.requests.zoom_url.startswith(log.all_url)
    assert all(name in charts.requests.zoom_url for name in ("start=START", "end=END"))
    texts = [point.text for point in charts.latency.points]
    assert "No data" in texts[0]
    assert "p50 4" in texts[-1]


def test_the_numbers_come_when_they_are_unfolded_and_are_at_hand_without_a_script(log):
    log.add(created_at=timezone.now() - timedelta(minutes=1))
    url = log.all_url + "figures/"
    numbers = '<th scope="row"><a href="/w/'
    assert numbers in log.get(url=url).content.decode()
    part = log.get(url=url, headers={"HX-Request": "true", "HX-Target": "statistics"}).content.decode()
    assert numbers not in part
    assert 'id="requests-numbers-table"' in part
    part = log.get(url=url, headers={"HX-Request": "true", "HX-Target": "requests-numbers-table"}).content.decode()
    assert numbers in part
    assert "<h3>" not in part


def test_addresses_and_agents_never_seen_before_the_last_day_are_marked(log, figures):
    log.add(created_at=timezone.now() - timedelta(days=2), ip_address="203.0.113.1", user_agent="old/1")
    log.add(ip_address="203.0.113.1", user_agent="old/1")
    log.add(ip_address="203.0.113.2", user_agent="new/1")
    found = figures("?since=24h")
    assert {item.text for item in found.addresses if item.is_new} == {"203.0.113.2"}
    assert {item.text for item in found.agents if item.is_new} == {"new/1"}
    assert "not in this log before" in text_of(log.get("?since=24h", url=log.all_url + "figures/"))


def test_in_a_log_of_one_day_nothing_is_called_new(log, figures):
    log.add()
    assert not any(item.is_new for item in figures().addresses + figures().agents)


def test_a_long_log_is_read_in_part_which_is_said_and_drawn_whole_from_the_rollup(log, figures, monkeypatch):
    monkeypatch.setattr("keys.log.search.statistics.MOST_ROWS", 3)
    count_into_rollups(log.key, [log.add(created_at=timezone.now() - timedelta(hours=hours)) for hours in range(6)])
    for url in (log.all_url, log.key_url):
        found = figures(url=url)
        assert (found.read, found.is_cut, found.bars_complete) == (3, True, True)
        assert sum(bar.total for bar in found.bars) == 6
    assert "The chart shows all" in text_of(log.get(url=log.all_url + "figures/"))
    assert not figures("?path=/api").bars_complete


def test_refused_and_limited_requests_are_called_out(log):
    log.add(status_code=429)
    log.add(status_code=401)
    page = text_of(log.get(url=log.key_url + "figures/"))
    assert "1 returned 401" in page
    assert "1 hit the rate limit (429)" in page


def test_without_rows_or_with_a_wrong_filter_there_are_no_figures(log):
    assert "No request matches" in text_of(log.get(url=log.all_url + "figures/"))
    assert "A filter is invalid" in text_of(log.get("?status=x", url=log.all_url + "figures/"))


def test_the_number_of_queries_does_not_grow_with_the_log(log):
    counts = []
    for _ in range(2):
        for number in range(10):
            log.add(ip_address=f"203.0.113.{number}", created_at=timezone.now() - timedelta(days=number))
        with CaptureQueriesContext(connection) as queries:
            log.get(url=log.all_url + "figures/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
