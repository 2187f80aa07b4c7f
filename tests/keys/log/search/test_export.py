import csv
import io
import json
import tracemalloc
from datetime import timedelta

import pytest
from django.utils import timezone

from keys.models import LoggedRequest
from tests.keys.conftest import make_key
from workspaces.models import Action, AuditEvent


@pytest.fixture
def exported(log):
    def exported(file_format="jsonl", query=""):
        answer = log.http.post(f"{log.all_url}export/{query}", {"format": file_format})
        assert answer.status_code == 200
        text = b"".join(answer.streaming_content).decode()
        if file_format == "csv":
            return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        return [json.loads(line) for line in text.splitlines()]

    return exported


def test_a_line_tells_all_that_the_page_does(log, exported):
    row = log.add(upstream_id="up-1", duration_ms=7, user_agent="ünï/1")
    (line,) = exported()
    assert line["id"] == "up-1"
    assert line["created_at"] == row.created_at.isoformat(timespec="microseconds")
    assert (line["key_name"], line["key"]) == (log.key.name, log.key.masked)
    assert (line["duration_ms"], line["user_agent"], line["by_this_console"]) == (7, "ünï/1", False)
    (in_csv,) = exported("csv")
    assert [name.removesuffix(" (UTC)") for name in in_csv] == list(line)
    assert in_csv["created_at (UTC)"] == f"{row.created_at:%Y-%m-%d %H:%M:%S}"


def test_every_row_comes_once_newest_first_also_those_of_one_moment(log, exported, monkeypatch):
    monkeypatch.setattr("core.export.BATCH", 7)
    now = timezone.now()
    for number in range(50):
        log.add(created_at=now - timedelta(seconds=number // 20))
    rows = LoggedRequest.objects.newest_first().values_list("upstream_id", flat=True)
    assert [line["id"] for line in exported()] == list(rows)


@pytest.mark.parametrize("query", ["?status=429", "?path==/a", "?ip=203.0.113.0/24", "?own=1", "?since=1h&slower=10"])
def test_filters_narrow_the_file_as_they_narrow_the_page(log, exported, query):
    log.add(status_code=429, path="/a", ip_address="198.51.100.1")
    log.add(path="/b", is_own_call=True)
    assert len(exported(query=query)) == len(log.shown(query))


def test_the_page_of_a_key_exports_that_key(log, exported):
    wanted = log.add()
    log.add(key=make_key(log.workspace, "Other"))
    url = log.get("?status=2xx", url=log.key_url).context["export_url"]
    assert [line["id"] for line in exported(query="?" + url.partition("?")[2])] == [wanted.upstream_id]


def test_an_address_is_given_in_its_one_form_and_as_upstream_sent_it(log, exported):
    now = timezone.now()
    for seconds, address in enumerate(["203.0.113.9", "::ffff:203.0.113.9", "2001:DB8::1", "behind a proxy", ""]):
        log.add(ip_address=address, created_at=now - timedelta(seconds=seconds))
    for file_format in ("jsonl", "csv"):
        assert [(line["ip_address"], line["ip_address_sent"]) for line in exported(file_format)] == [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9", "::ffff:203.0.113.9"),
            ("2001:db8::1", "2001:DB8::1"),
            ("behind a proxy", "behind a proxy"),
            ("", ""),
        ]


def test_what_a_spreadsheet_would_run_is_text(log, exported):
    log.add(path="=cmd|'/c calc'!A1", user_agent="@SUM(A1)\n=1")
    (line,) = exported("csv")
    assert line["path"].startswith("'=")
    assert line["user_agent"] == "'@SUM(A1) =1"


def test_an_export_is_recorded_with_who_what_and_how_much(log, exported, viewer):
    log.add(status_code=429)
    exported("csv", "?status=429")
    event = AuditEvent.objects.get(action=Action.REQUESTS_EXPORTED)
    assert (event.actor_email, event.subject) == (viewer.email, "csv")
    assert event.details == {"requests": "1", "filters": {"status": "429"}}


@pytest.mark.parametrize(("query", "file_format"), [("?status=x", "csv"), ("", "exe"), ("?statsu=1", "csv")])
def test_a_wrong_filter_or_format_gives_no_file(log, query, file_format):
    answer = log.http.post(f"{log.all_url}export/{query}", {"format": file_format})
    assert answer.status_code == 400
    assert not AuditEvent.objects.filter(action=Action.REQUESTS_EXPORTED).exists()


def test_other_workspaces_stay_out(log, exported):
    other = type(log.workspace).objects.create(name="Other", slug="other", base_url=log.workspace.base_url)
    log.add(key=make_key(other))
    assert exported() == []


def test_it_is_streamed_and_never_held_as_a_whole(log):
    now = timezone.now()
    LoggedRequest.objects.bulk_create(
        LoggedRequest(
            key=log.key, upstream_id=f"many-{n}", method="GET", path="/x" * 400, created_at=now - timedelta(seconds=n)
        )
        for n in range(12_000)
    )
    answer = log.http.post(f"{log.all_url}export/", {"format": "csv"})
    tracemalloc.start()
    size = sum(len(part) for part in answer.streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 10_000_000
    assert peak < 6_000_000


def test_the_size_is_told_before(log):
    for _ in range(3):
        log.add()
    assert log.get(url=log.all_url + "tally/").context["export_size"] == "3 rows, about 1 kB"
