from datetime import timedelta

import pytest
from django.utils import timezone

from core.pagination import PAGE_SIZE
from keys.models import LogGap
from tests.keys.conftest import make_key, text_of

NOW = timezone.now()


@pytest.fixture
def gap(log):
    log.add(created_at=NOW - timedelta(minutes=10), path="/before")
    log.add(created_at=NOW - timedelta(minutes=5), path="/after")
    times = {"after": NOW - timedelta(minutes=10), "before": NOW - timedelta(minutes=5), "detected_at": NOW}
    return LogGap.objects.create(key=log.key, size=312, **times)


def test_a_gap_stands_between_the_requests_around_it(log, gap):
    for url in (log.all_url, log.key_url):
        page = text_of(log.get(url=url))
        assert page.index("/after") < page.index("312 requests") < page.index("/before")


@pytest.mark.parametrize(
    ("size", "is_estimate", "words"),
    [
        (None, False, "An unknown number of requests"),
        (1, False, "1 request"),
        (1300, False, "1,300 requests"),
        (1300, True, "About 1,300 requests"),
        (0, True, "Perhaps some requests"),
    ],
)
def test_a_gap_says_how_sure_its_size_is(log, gap, size, is_estimate, words):
    LogGap.objects.update(size=size, is_estimate=is_estimate)
    assert f"</svg> {words} between" in text_of(log.get(url=log.key_url))


def test_a_filter_that_hides_the_requests_beside_a_gap_does_not_hide_the_gap(log, gap):
    log.add(status_code=500, created_at=NOW)
    log.add(status_code=500, created_at=NOW - timedelta(hours=1))
    assert "312 requests" in text_of(log.get("?status=500"))


@pytest.mark.parametrize("query", ["?", "?status=200", "?path=call"])
@pytest.mark.parametrize("apart", [timedelta(seconds=1), timedelta(0)], ids=["one a second", "all at once"])
def test_a_gap_between_two_pages_is_told_once(log, gap, apart, query):
    for number in range(2 * PAGE_SIZE - 1):  # the newest 100 after the gap, and one before it
        log.add(created_at=gap.before + number * apart, path=f"/call/{number}")
    log.add(created_at=gap.after, path="/call/first")
    page, told = log.get(query), []
    while True:
        told.append(text_of(page).count("312 requests"))
        if page.context["page"].older is None:
            break
        page = log.get(f"{query}&older={page.context['page'].older}")
    assert sum(told) == 1
    upward = log.get(f"{query}&newer={page.context['page'].rows[0].cursor}")
    assert text_of(upward).count("312 requests") == told[-2]


def test_gaps_of_other_keys_and_other_times_stay_out(log, gap):
    other = make_key(log.workspace, "Other")
    log.add(key=other)
    assert "312 requests" not in text_of(log.get(f"?key={other.key_id}"))
    assert "312 requests" not in text_of(log.get("?since=1m"))


def test_a_key_says_how_much_of_what_it_did_is_here(log):
    log.key.captured_since, log.key.count_before, log.key.captured_count = NOW - timedelta(days=3), 0, 1546
    log.key.save()
    page = text_of(log.get(url=log.key_url))
    assert "1,546 of 1,547 requests captured" in page
    assert "1 newer request arrives with the next sync" in page
