"""Rows are stored as upstream wrote them, each once, whatever is in them."""

from datetime import timedelta, timezone

import pytest
from msgspec import structs

from cleanlist import RequestLogEntry
from keys.models import LoggedRequest
from tests.keys.log.ingest.conftest import at

HOSTILE = [
    'say "hello"',
    "{a,b}",
    "a,b",
    "back\\slash",
    "\\N",
    "\\.",
    "tab\there",
    "line\nbreak",
    "return\r",
    "'; --",
    "%s",
    "null",
    "💶 ünïcode",
]


def rows_with(texts):
    return [
        RequestLogEntry(
            id=text, method="GET", path=text, status_code=200, duration_ms=4, user_agent=text, created_at=at(number)
        )
        for number, text in enumerate(texts)
    ]


def test_rows_are_stored_as_upstream_wrote_them_and_once(log):
    log.list(0)
    assert log.read(100, rows_with(HOSTILE)).new_rows == len(HOSTILE)
    assert log.read(101, rows_with(HOSTILE)).new_rows == 0
    stored = LoggedRequest.objects.values_list("upstream_id", "path", "user_agent")
    assert sorted(stored) == sorted((text, text, text) for text in HOSTILE)
    assert log.key.captured_count == len(HOSTILE)


@pytest.mark.parametrize("hours", [-11, 0, 5])
def test_a_moment_told_in_another_time_zone_is_the_same_moment(log, hours):
    log.list(0)
    time = at(0).astimezone(timezone(timedelta(hours=hours)))
    assert log.read(100, [RequestLogEntry(id="row", created_at=time)]).new_rows == 1
    assert LoggedRequest.objects.get().created_at == at(0)
    assert log.key.traffic.get(endpoint="").hour == at(0).replace(minute=0, second=0)


def test_a_page_of_a_key_that_is_gone_lands_nowhere(log):
    assert log.read(100, rows_with(["row"])).new_rows == 0
    assert not LoggedRequest.objects.exists()


def test_an_id_that_upstream_uses_twice_is_two_requests_and_each_is_stored_once(log):
    log.write(3, since=0)
    log.list(10)
    log.read(11)
    again = structs.replace(log.rows[1], created_at=at(100), path="/another")
    elsewhere = structs.replace(log.rows[1], created_at=at(-90 * 24 * 3600))
    log.rows += [again, elsewhere]
    assert [log.read(second).new_rows for second in (101, 102)] == [2, 0]
    assert log.read(103, [again]).new_rows == log.read(104, [log.rows[1]]).new_rows == 0
    assert LoggedRequest.objects.filter(upstream_id="row-1").count() == 3
    assert log.key.captured_count == 5
