import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from tests.keys.conftest import make_key, text_of


@pytest.mark.parametrize(
    ("query", "facts", "other"),
    [
        ("?status=429", {"status_code": 429}, {"status_code": 428}),
        ("?status=4xx", {"status_code": 404}, {"status_code": 500}),
        ("?status=401,5xx", {"status_code": 503}, {"status_code": 200}),
        ("?method=get", {"method": "GET"}, {"method": "POST"}),
        ("?method=get,put", {"method": "PUT"}, {"method": "POST"}),
        ("?path=/api/v1", {"path": "/api/v1/x"}, {"path": "/v2/api/v1/x"}),
        ("?path=bulk", {"path": "/enrich/bulk"}, {"path": "/enrich/status"}),
        ("?path==/a", {"path": "/a"}, {"path": "/a/b"}),
        ("?path=100%25", {"path": "/100%"}, {"path": "/100"}),
        ("?path=/a_", {"path": "/a_b"}, {"path": "/axb"}),
        ("?path=/api", {"path": "/api/v1"}, {"path": "/API/v1"}),
        ("?path=Bulk", {"path": "/enrich/Bulk"}, {"path": "/enrich/bulk"}),
        ("?path==/a", {"path": "/a"}, {"path": "/A"}),
        ("?path=/x/public_bulk_7", {"path": "/x/public_bulk_7/a"}, {"path": "/x/Public_bulk_7/a"}),
        ("?agent=REQUESTS", {"user_agent": "python-requests/2"}, {"user_agent": "curl/8"}),
        ("?q=bulk", {"path": "/enrich/Bulk"}, {"path": "/enrich/status"}),
        ("?q=REQUESTS", {"user_agent": "python-requests/2"}, {"user_agent": "curl/8"}),
        ("?q=0.113.7", {"ip_address": "203.0.113.7"}, {"ip_address": "203.0.114.7"}),
        ("?q=429", {"status_code": 429}, {"status_code": 428}),
        ("?q=delete", {"method": "DELETE"}, {"method": "POST"}),
        ("?q=log-4711", {"upstream_id": "log-4711"}, {"upstream_id": "log-47110"}),
        ("?q=curl+bulk+503", {"user_agent": "curl/8", "status_code": 503}, {"user_agent": "curl/8"}),
        ("?q=50%25", {"path": "/50%"}, {"path": "/500"}),
        ("?q=page%3D2", {"path": "/api/v1/status/4711?page=2"}, {"path": "/api/v1/status/4711?page=3"}),
        ("?slower=1000", {"duration_ms": 1001}, {"duration_ms": 1000}),
        ("?slower=0", {"duration_ms": 1}, {"duration_ms": None}),
        ("?ip=203.0.113.7", {"ip_address": "203.0.113.7"}, {"ip_address": "203.0.113.70"}),
        ("?ip=203.0.112.0/23", {"ip_address": "203.0.113.7"}, {"ip_address": "203.0.114.7"}),
        ("?ip=0.0.0.0/0", {"ip_address": "8.8.8.8"}, {"ip_address": "999.1.1.1"}),
        ("?ip=2001:db8::/32", {"ip_address": "2001:db8:0:1::9"}, {"ip_address": "2001:db9::1"}),
        ("?ip=::/0", {"ip_address": "::1"}, {"ip_address": "1:2:3"}),
        ("?since=1h", {}, {"created_at": timezone.now() - timedelta(hours=2)}),
        ("?start=2026-01-02", {}, {"created_at": datetime(2026, 1, 1, 23, 59, tzinfo=UTC)}),
    ],
)
def test_each_filter_keeps_what_matches_and_nothing_else(log, query, facts, other):
    wanted = log.add(**facts)
    log.add(**other)
    assert log.shown(query) == log.shown(query, url=log.key_url) == [wanted.pk]


def test_the_last_day_of_a_range_is_in_it_and_a_time_is_not(log):
    row = log.add(created_at=datetime(2026, 3, 4, 12, 30, tzinfo=UTC))
    assert log.shown("?end=2026-03-04") == [row.pk]
    assert log.shown("?end=2026-03-04T12:30") == []
    assert log.shown("?start=2026-03-04T12:30&end=2026-03-04T12:31") == [row.pk]


def test_fixed_times_are_in_the_viewers_zone_unless_they_name_one(log, viewer):
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    row = log.add(created_at=datetime(2026, 3, 4, 3, 30, tzinfo=UTC))
    assert log.shown("?start=2026-03-04T12:30&end=2026-03-04T12:31") == [row.pk]
    assert log.shown("?start=2026-03-04T03:30Z&end=2026-03-04T03:31Z") == [row.pk]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?status=abc", "“abc” is no status"),
        ("?status=6xx", "“6xx” is no status"),
        ("?since=yesterday", "isn't a time range"),
        ("?since=0h", "isn't a time range"),
        ("?start=tomorrow", "isn't a time"),
        ("?start=9999-12-31", "The year must be between"),
        ("?end=0001-01-01T00:00", "The year must be between"),
        ("?start=2026-02-02&end=2026-02-01T00:00", "is before the time in"),
        ("?since=6h&start=2026-02-02", "Choose either"),
        ("?ip=203.0.113", "is neither an address nor a network"),
        ("?ip=203.0.113.0/40", "is neither an address nor a network"),
        ("?slower=fast", "whole number"),
        ("?method=GE7", "is no method"),
        ("?own=yes", "Choose one of the options"),
        ("?key=none", "no such key"),
        ("?q=one+two+three+four+five+six+seven", "at most 6 words"),
        ("?q=clapi_abcdefgh0123456789abcdef", "looks like a secret"),
        ("?statsu=500", "Unknown filter “statsu”"),
    ],
)
def test_a_wrong_filter_says_why_and_shows_nothing_meanwhile(log, query, words):
    log.add()
    answer = log.get(query)
    assert answer.status_code == 200
    assert words in text_of(answer).replace("&#x27;", "'")
    assert "page" not in answer.context
    assert "A filter is invalid" in text_of(answer)


@pytest.mark.parametrize("name", ["since", "start", "end", "status", "method", "path", "ip", "agent", "slower", "at"])
@pytest.mark.parametrize("value", ["\x00", "'", "9" * 400, "=1", "%", "\ud83d", "<b>"])
def test_nothing_typed_into_a_filter_is_an_error_of_ours(log, name, value):
    log.add()
    answer = log.get(f"?{name}={quote(value.encode('utf-8', 'surrogatepass'))}")
    assert answer.status_code == 200
    assert "<b>" not in answer.content.decode()


def test_a_chip_takes_its_filter_out_and_leaves_the_others(log):
    chips = log.get("?status=429&path=/api&since=6h").context["chips"]
    assert [chip.text for chip in chips] == ["path begins with /api", "status 429"]
    assert chips[0].url == "?status=429&since=6h"


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("", "All time"),
        ("?since=1h", "Last hour"),
        ("?since=7d", "Last 7 days"),
        ("?start=2026-03-04T12:30&end=2026-03-05", "From 4 Mar 2026, 12:30, until 5 Mar 2026"),
    ],
)
def test_the_time_range_is_shown_in_words_and_changed_without_the_other_filters(log, query, label):
    form = log.get(f"{query}{'&' if query else '?'}status=429").context["form"]
    assert form.range_label == label
    assert [preset.text for preset in form.range_presets if preset.is_current] == (
        [label] if "2026" not in label else []
    )
    assert form.range_presets[1].url == "?status=429&since=24h"


def test_empty_parameters_leave_the_address(log):
    assert log.get("?status=&path=/&own=&key=").headers["Location"] == f"{log.all_url}?path=%2F"
    assert log.get("?status=", url=log.key_url).headers["Location"] == log.key_url


def test_relative_spans_stay_relative_in_every_link(log):
    log.add(ip_address="203.0.113.7")
    page = log.get("?since=6h").content.decode()
    assert "since=6h&amp;row=" in page
    assert "start=" not in page.replace('name="start"', "")


def told(log, query=""):
    """Return what is said of how many match and how many are hidden."""
    return " ".join(re.sub(r"<[^>]+>", "", text_of(log.get(query, url=log.all_url + "tally/"))).split())


def test_one_key_of_many(log):
    other = make_key(log.workspace, "Batch worker")
    log.add()
    row = log.add(key=other)
    assert log.shown(f"?key={other.key_id}") == [row.pk]
    assert "key Batch worker" in text_of(log.get(f"?key={other.key_id}"))


def test_own_calls_are_hidden_counted_and_can_be_shown(log):
    own, other = log.add(is_own_call=True), log.add()
    assert log.shown() == [other.pk]
    assert "1 console call hidden" in told(log)
    assert log.shown("?own=1") == [other.pk, own.pk]


def test_what_is_shown_and_hidden_adds_up(log):
    for status in (200, 200, 429):
        log.add(status_code=status)
    log.add(status_code=429, is_own_call=True)
    assert "1 request matches · 2 hidden by filters" in told(log, "?status=429")
    assert "3 requests · 1 console call hidden" in told(log)


def test_counting_stops_and_says_so(log, monkeypatch):
    monkeypatch.setattr("core.pagination.MOST_COUNTED", 3)
    for _ in range(5):
        log.add()
    assert "3+ requests" in told(log)
    log.add(status_code=500)
    assert "1 request matches · 3+ hidden by filters" in told(log, "?status=500")


def test_other_workspaces_stay_out(log):
    other = type(log.workspace).objects.create(name="Other", slug="other", base_url=log.workspace.base_url)
    log.add(key=make_key(other))
    assert log.shown() == []


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("?end=2026-10-25T02:30", None, "2026-10-25T01:29:59"),
        ("?start=2026-10-25T02:30", "2026-10-25T00:30:00", None),
        ("?start=2026-10-25T02:45&end=2026-10-25T02:15", "2026-10-25T00:45:00", "2026-10-25T01:14:59"),
        ("?start=2026-03-29T02:30", "2026-03-29T00:30:00", None),
        ("?end=2026-03-29T02:30", None, "2026-03-29T01:29:59"),
        ("?start=2026-10-25T02:30%2B01:00", "2026-10-25T01:30:00", None),
    ],
    ids=["until twice", "from twice", "from and until twice", "from never", "until never", "with an offset"],
)
def test_a_time_that_comes_twice_or_never_leaves_nothing_out(log, viewer, query, first, last):
    viewer.time_zone = "Europe/Berlin"
    viewer.save()
    ends = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last) if text]
    inside = [log.add(created_at=moment) for moment in ends]
    for moment, step in zip((first, last), (-1, 1), strict=True):
        if moment:
            log.add(created_at=datetime.fromisoformat(moment).replace(tzinfo=UTC) + timedelta(seconds=step))
    assert sorted(log.shown(query)) == sorted(row.pk for row in inside)


def test_a_day_begins_and_ends_at_its_first_midnight(log, viewer):
    viewer.time_zone = "America/Havana"  # clocks go from 1 back to 0 o'clock on 1 November 2026
    viewer.save()
    rows = [log.add(created_at=datetime(2026, 11, 1, 4, minute, tzinfo=UTC)) for minute in (0, 30)]
    log.add(created_at=datetime(2026, 11, 1, 3, 59, tzinfo=UTC))
    assert sorted(log.shown("?start=2026-11-01")) == [row.pk for row in rows]
    assert len(log.shown("?end=2026-10-31")) == 1


def test_where_no_path_begins_so_a_search_anywhere_in_it_is_one_click_away(log):
    row = log.add(path="/api/v1/public/enrich/bulk")
    page = text_of(log.get("?path=/enrich/bulk&method=POST"))
    assert "No path begins with /enrich/bulk among the requests that the other filters show." in page
    link = re.search(r'href="[^"]*(\?[^"]*)">\s*Search for “enrich/bulk” anywhere in the path', page)[1]
    assert log.shown(link.replace("&amp;", "&")) == [row.pk]
    assert "anywhere in the path" not in text_of(log.get("?path=nothing"))


def test_keys_of_one_name_are_told_apart_where_they_are_chosen(log):
    for last4 in ("aaaa", "bbbb"):
        make_key(log.workspace, name="Production", last4=last4)
    make_key(log.workspace, name="Staging", last4="cccc")
    page = text_of(log.get())
    assert ">Production (…aaaa)</option>" in page
    assert ">Production (…bbbb)</option>" in page
    assert ">Staging</option>" in page


def test_a_range_without_length_says_so(log):
    page = text_of(log.get("?start=2026-01-02T10:00&end=2026-01-02T10:00"))
    assert "This is the same time as in “From”. Choose a later one." in page
    assert "before the time" not in page
