import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.pagination import PAGE_SIZE, Cursor
from keys.models import LoggedRequest
from tests.keys.conftest import add_session, make_key, note_poll, text_of

HTMX = {"HX-Request": "true"}


def walk(log, direction, query):
    """Follow one pager link to the end; return the rows of each page."""
    pages = []
    while True:
        page = log.get(query).context["page"]
        pages.append([row.pk for row in page.rows])
        place = getattr(page, direction)
        if place is None:
            return pages, query
        query = f"?{direction}={place}"


def test_paging_forth_and_back_loses_and_repeats_no_row(log):
    now = timezone.now()
    for number in range(160):  # many of the same moment, where paging by time alone would slip
        log.add(created_at=now - timedelta(seconds=number // 70))
    down, last = walk(log, "older", "")
    everything = [pk for page in down for pk in page]
    assert everything == list(LoggedRequest.objects.newest_first().values_list("pk", flat=True))
    up, _ = walk(log, "newer", last)
    assert [pk for page in reversed(up) for pk in page] == everything


def test_rows_that_arrive_meanwhile_do_not_shift_the_next_page(log):
    rows = [log.add(created_at=timezone.now() - timedelta(minutes=120 - n)).pk for n in range(60)]
    place = log.get().context["page"].older
    log.add(created_at=timezone.now())
    assert log.shown(f"?older={place}") == rows[9::-1]


def test_the_way_back_to_the_newest_ends_at_the_top(log):
    row = log.add()
    page = log.get(f"?newer={row.cursor}").context["page"]
    assert page.is_top
    assert [entry.pk for entry in page.rows] == [row.pk]


def test_jumping_to_a_time_shows_what_happened_before_it_and_a_way_to_what_came_after(log):
    old = log.add(created_at=timezone.now() - timedelta(days=3))
    new = log.add()
    page = log.get(f"?at={timezone.now() - timedelta(days=2):%Y-%m-%dT%H:%M}").context["page"]
    assert [row.pk for row in page.rows] == [old.pk]
    assert log.shown(f"?newer={page.newer}") == [new.pk]


@pytest.mark.parametrize("place", ["x", "1-", "-1", "9" * 40, "99999999999999999-1", "1-999999999999999999"])
def test_a_place_that_does_not_exist_is_said_or_empty_and_no_error(log, place):
    log.add()
    for name in ("older", "newer"):
        answer = log.get(f"?{name}={place}")
        assert answer.status_code == 200
        assert ("doesn't exist" in text_of(answer)) == (Cursor.parse(place) is None)


def test_an_open_row_tells_everything_and_leads_on(log):
    row = log.add(path="/a?b=1", user_agent="agent/1", upstream_id="up-1", duration_ms=1234)
    page = text_of(log.get(f"?row={row.pk}"))
    for fact in ("up-1", "agent/1", "1,234 ms", "Same path", "Same minute", "Who used this IP address?"):
        assert fact in page
    links = dict(log.get(f"?row={row.pk}").context["open"].links)
    assert all(log.shown(url.partition("?")[1] + url.partition("?")[2]) == [row.pk] for url in links.values())


def test_a_row_that_the_filters_hide_opens_all_the_same(log):
    row = log.add(status_code=500, upstream_id="up-500")
    log.add()
    assert "up-500" in text_of(log.get(f"?status=200&row={row.pk}"))


def test_an_open_row_leads_to_its_neighbors_on_other_pages_too(log):
    rows = [log.add(created_at=timezone.now() - timedelta(minutes=n)) for n in range(PAGE_SIZE + 2)]
    log.add(status_code=500)
    row = rows[PAGE_SIZE - 1]
    opened = log.get(f"?status=200&row={row.pk}").context["open"]
    assert opened.newer_url == f"{log.all_url}?status=200&row={rows[PAGE_SIZE - 2].pk}"
    assert opened.older_url == f"{log.all_url}?status=200&row={rows[PAGE_SIZE].pk}"
    ends = [log.get(f"?status=200&row={one.pk}").context["open"] for one in (rows[0], rows[-1])]
    assert [ends[0].newer_url, ends[1].older_url] == ["", ""]


def test_the_drawer_comes_without_the_list(log):
    row = log.add(upstream_id="up-1")
    answer = log.get(f"?row={row.pk}", headers=HTMX | {"HX-Target": "drawer"})
    assert "up-1" in text_of(answer)
    assert "data-row " not in text_of(answer)
    assert "page" not in answer.context


def test_a_day_is_said_once_above_its_rows(log, viewer):
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    for hour in (1, 14, 16, 20):
        log.add(created_at=datetime(2025, 11, 27, hour, tzinfo=UTC))
    text = text_of(log.get())
    assert [row.day_heading for row in log.get().context["page"].rows] == ["Fri 28 Nov 2025", "", "Thu 27 Nov 2025", ""]
    assert text.count("Fri 28 Nov 2025</th>") == 1


def test_the_part_that_a_search_goes_on_with_does_not_repeat_the_day(log):
    log.add(created_at=datetime(2025, 11, 27, 12, tzinfo=UTC))
    url, older = log.all_url + "further/", Cursor(datetime(2025, 11, 27, 13, tzinfo=UTC), 1)
    assert "Thu 27 Nov 2025" in text_of(log.get(f"?older={older}", url=url, headers=HTMX))
    assert "Thu 27 Nov 2025" not in text_of(log.get(f"?older={older}&day=2025-11-27", url=url, headers=HTMX))


def test_the_filters_answer_with_the_results_and_what_changes_above_them(log):
    log.add()
    answer = log.get("?status=nonsense", headers=HTMX | {"HX-Target": "results"})
    text = text_of(answer)
    assert "<html" not in text
    assert "is no status" in text.partition('id="id_status_notes"')[2].partition("</div> </div>")[0]
    for part in ("range", "time-range", "filter-chips", "export", "results"):
        assert f'id="{part}"' in text


def test_another_workspaces_row_does_not_open(log):
    other = type(log.workspace).objects.create(name="Other", slug="other", base_url=log.workspace.base_url)
    row = log.add(key=make_key(other))
    page = log.get(f"?row={row.pk}")
    assert page.context["open"] is None
    assert "The request of this link isn't stored here" in text_of(page)


@pytest.mark.parametrize("row", ["x", "-1", "9" * 30, "٣", "123456"])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "drawer"}])
def test_a_row_that_is_not_here_is_said_not_to_be(log, row, headers):
    for url in (log.all_url, log.key_url):
        answer = log.get(f"?row={row}", url=url, headers=headers)
        assert answer.status_code == 200
        assert "The request of this link isn't stored here, or no longer" in text_of(answer)
    assert "isn't stored here" not in text_of(log.get())


def test_live_the_part_marks_what_has_come_since(log):
    seen = log.add(created_at=timezone.now() - timedelta(minutes=2))
    log.add()
    part = log.get(f"?seen={seen.cursor}", headers=HTMX)
    assert "<html" not in part.content.decode()
    assert [row.is_new for row in part.context["page"].rows] == [True, False]
    assert part.content.decode().count("row--new") == 1


def test_only_the_top_of_a_log_that_goes_on_is_live(log):
    row = log.add()
    of_log = ('data-refresh-seconds="5"', 'data-refresh-seconds="30"')  # rows and count; alerts are live everywhere
    assert all(part in log.get().content.decode() for part in of_log)
    for query in (f"?older={row.cursor}", "?end=2026-01-01", "?status=x"):
        assert not any(part in log.get(query).content.decode() for part in of_log)


@pytest.mark.parametrize(
    ("session", "poll", "words"),
    [
        ({}, {}, "No requests yet"),
        ({}, None, "The log has not synced yet"),
        (None, None, "The request log is turned off"),
        ({"rejected_at": timezone.now()}, None, "Management session expired"),
        ({}, {"last_success_at": None, "consecutive_failures": 2, "last_error": "no"}, "The log could not be synced"),
    ],
)
def test_an_empty_log_says_why_it_is_empty(log, session, poll, words):
    if session is not None:
        add_session(log.workspace, **session)
    if poll is not None:
        note_poll(log.workspace, "requests", subject=log.key.upstream_id, **poll)
    assert words in text_of(log.get())
    assert words in text_of(log.get(url=log.key_url))


def test_filters_that_hide_everything_say_so(log):
    log.add()
    assert "No request matches" in text_of(log.get("?status=500"))


def test_the_size_of_the_file_has_one_place_whether_there_is_a_file_or_not(log):
    log.add()
    for query in ("", "?status=500"):
        assert log.get(query).content.decode().count('id="export-size"') == 1
        tally = text_of(log.get(query, url=log.all_url + "tally/", headers=HTMX))
        assert ('id="export-size" hx-swap-oob' in tally) == (not query)


def test_a_search_that_takes_too_long_is_given_up_and_says_what_to_do(log, monkeypatch):
    monkeypatch.setattr("core.pagination.ROWS_SECONDS", -1.0 if connection.vendor == "sqlite" else 0.001)
    _fill_up(log, 5000)
    page = text_of(log.get("?slower=1"))
    assert "This search takes too long" in page
    assert "Only the last 24 hours" in page


def _fill_up(log, count):
    now, second = timezone.now(), timedelta(seconds=1)
    LoggedRequest.objects.bulk_create(
        LoggedRequest(key=log.key, upstream_id=f"many-{n}", method="GET", path="/x" * 50, created_at=now - n * second)
        for n in range(count)
    )


@pytest.mark.parametrize("query", ["", "?status=2xx&ip=203.0.113.0/24&path=api&agent=py&since=6h", "?row={row}"])
def test_ten_and_twenty_rows_cost_the_same_number_of_queries(log, query):
    counts = []
    for _ in range(2):
        for _ in range(10):
            row = log.add(key=make_key(log.workspace))
        with CaptureQueriesContext(connection) as queries:
            log.get(query.format(row=row.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_page_asks_nothing_twice(log):
    log.add()
    log.key.captured_since, log.key.count_before, log.key.request_count = timezone.now(), 0, 1
    log.key.save()
    with CaptureQueriesContext(connection) as queries:
        assert "requests captured" in text_of(log.get(url=log.key_url))
    statements = [query["sql"] for query in queries if "FROM" in query["sql"]]
    assert sorted(set(statements)) == sorted(statements)


@pytest.mark.parametrize(
    ("method", "path", "agent"),
    [
        ("GET", "/plain", "curl/8"),
        ("POST", "/$(id)`id`'\"\\;&|", "x'; rm -rf ~ #"),
        ("GET", "@evil.test/[1-9]{a,b}\n/x", "a\nb\x1b[31m"),
        ("P'UT", "//evil.test/", "-o/tmp/x"),
    ],
)
def test_curl_is_safe_to_paste_whatever_the_log_says(log, method, path, agent):
    row = log.add(method=method, path=path, user_agent=agent)
    command = log.get(f"?row={row.pk}").context["open"].curl
    shell = 'curl() { printf "%s\\0" "$@"; }\nCLEANLIST_API_KEY=secret\n'
    ran = subprocess.run(["/bin/sh", "-c", shell + command], capture_output=True, text=True, check=True)
    words = ran.stdout.split("\0")[:-1]
    assert words[-1].startswith(f"{log.workspace.base_url}/")
    assert "Authorization: Bearer secret" in words
    assert len(words) == 6 + (0 if method == "GET" else 2) + (4 if method == "POST" else 0) + 1
    assert not ran.stderr
    assert "\x1b" not in command


def test_logs_that_cannot_be_read_are_told_beside_what_was_read_before(log):
    log.add()
    poll = log.workspace.polls.create(resource="requests", subject=log.key.upstream_id, interval_seconds=420)
    poll.consecutive_failures, poll.last_error = 3, "Cleanlist answered 503."
    poll.save()
    assert "1 log can't be synced. Cleanlist answered 503." in text_of(log.get(url=log.all_url))
    assert "Cleanlist answered 503." in text_of(log.get(url=log.key_url))
    log.workspace.polls.update(consecutive_failures=0)
    assert "answered 503" not in text_of(log.get(url=log.all_url)) + text_of(log.get(url=log.key_url))


@pytest.mark.parametrize("year", [1, 1969, 2300, 9999])
def test_paging_goes_on_past_rows_of_far_off_years(log, year):
    moment = datetime(year, 6, 1, 12, 0, 0, 123_457, tzinfo=UTC)
    rows = [log.add(created_at=moment + timedelta(microseconds=n)).pk for n in range(PAGE_SIZE + 3)]
    first = log.get().context["page"]
    assert [*(row.pk for row in first.rows), *log.shown(f"?older={first.older}")] == rows[::-1]
