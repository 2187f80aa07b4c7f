"""What is lost between two readings, and what is said of it."""

import pytest
from msgspec import structs

from cleanlist import RequestLogEntry
from keys.log.completeness import log_completeness
from keys.log.ingest import pages as log_ingest
from keys.models import ApiKey, LogGap, LoggedRequest
from tests.keys.log.ingest.conftest import KEY, at


def test_the_first_page_ever_leaves_no_gap_and_counts_from_there(log):
    log.write(700, since=0)
    log.list(701)
    log.read(702)
    assert not LogGap.objects.exists()
    assert log_completeness(log.key).percent == 100
    assert "200 requests were no longer available at first sync" in log_completeness(log.key).explanation


def test_overlapping_pages_capture_everything_once(log):
    for round_ in range(4):
        log.write(300, since=round_ * 400)
        log.list(round_ * 400 + 310)
        log.read(round_ * 400 + 311)
        log.read(round_ * 400 + 312)
    assert LoggedRequest.objects.count() == log.key.captured_count == 1200
    assert not LogGap.objects.exists()
    assert (log_completeness(log.key).captured, log_completeness(log.key).expected) == (1200, 1200)


def with_gap(log, lost=38):
    log.write(100, since=0)
    log.list(101)
    log.read(102)
    log.write(500 + lost, since=1000)
    log.list(1800)
    return log.read(1801)


def test_a_page_without_overlap_is_a_gap_with_its_span_and_size(log):
    assert with_gap(log).found_gap
    gap = LogGap.objects.get()
    assert (gap.after, gap.before, gap.size) == (at(99), at(1038), 38)


def test_a_gap_is_sized_by_the_next_list_when_the_last_one_was_older(log):
    log.write(100, since=0)
    log.list(101)
    log.read(102)
    log.write(700, since=1000)
    log.read(1801)
    assert LogGap.objects.get().size is None
    assert "An unknown number of requests" in log_completeness(log.key).explanation
    log.list(1802)
    log.read(1803)
    assert LogGap.objects.get().size == 200


def test_exactly_a_page_between_two_readings_is_no_gap(log):
    assert with_gap(log, lost=0).found_gap
    assert not LogGap.objects.exists()
    assert log_completeness(log.key).is_complete


def test_a_burst_on_a_key_that_was_never_used_is_a_gap_too(log):
    log.list(0)
    log.read(1)
    log.write(600, since=10)
    log.list(700)
    log.read(701)
    gap = LogGap.objects.get()
    assert (gap.after, gap.size) == (at(1), 100)


def test_a_second_gap_has_its_own_size(log):
    with_gap(log)
    log.write(512, since=3000)
    log.list(4000)
    log.read(4001)
    assert [gap.size for gap in LogGap.objects.of(log.key)] == [38, 12]
    assert log.key.missed_count == 50


def test_a_page_that_lands_late_fills_the_gap(log):
    log.write(100, since=0)
    log.list(101)
    log.read(102)
    log.write(300, since=1000)
    late = log.page()
    log.write(300, since=1400)
    log.list(1800)
    log.read(1801)
    assert LogGap.objects.get().size == 100
    log.read(1500, late)
    assert not LogGap.objects.exists()
    found = log_completeness(log.key)
    assert (found.captured, found.is_complete, found.has_lost) == (700, True, False)


@pytest.fixture
def two_gaps(log):
    """A key that lost 2 requests in quarter of an hour and 30 more within a day, which one list of keys tells of."""
    log.write(100, since=-200_000)
    log.list(-199_000)
    log.read(-198_000)
    log.write(502, since=-197_000)
    log.late = [*log.page()[-2:], *log.rows[100:102]]
    log.read(-196_000)
    log.write(530, since=-100_000)
    log.read(-99_000)
    log.list(-98_000)
    log.read(-97_000)
    return log


def test_gaps_that_one_list_tells_of_are_sized_by_a_guess_and_none_is_taken_for_empty(two_gaps):
    first, second = LogGap.objects.of(two_gaps.key)
    assert (first.is_estimate, second.is_estimate) == (True, True)
    assert (first.after, first.before, first.size + second.size) == (at(-199_901), at(-196_998), 32)
    assert first.size < 2
    assert "32 requests fell into 2 gaps" in log_completeness(two_gaps.key).explanation
    assert log_completeness(two_gaps.key).expected == 1132


def test_a_gap_between_two_lists_is_counted_exactly_beside_guessed_ones(two_gaps):
    two_gaps.write(507, since=-50_000)
    two_gaps.list(-40_000)
    two_gaps.read(-39_000)
    assert [(gap.size, gap.is_estimate) for gap in LogGap.objects.of(two_gaps.key)][2:] == [(7, False)]
    assert two_gaps.key.missed_count == 39


def test_rows_that_come_late_correct_the_guesses(two_gaps):
    two_gaps.read(-196_500, two_gaps.late)
    assert sum(gap.size for gap in LogGap.objects.all()) == two_gaps.key.missed_count == 30
    two_gaps.read(-96_000, two_gaps.rows[602:632])
    assert not LogGap.objects.exists()
    assert log_completeness(two_gaps.key).is_complete


def test_what_is_missing_is_explained(log):
    with_gap(log)
    log.write(3, since=2000)
    log.list(2100)
    found = log_completeness(log.key)
    assert (found.captured, found.expected) == (600, 641)
    assert "38 requests fell into 1 gap on" in found.explanation
    assert "3 newer requests arrive with the next sync" in found.explanation


def test_gaps_are_found_by_the_time_that_they_touch(log):
    with_gap(log)
    gaps = LogGap.objects.of(log.key)
    assert gaps.between(at(500), at(600)).exists()
    assert gaps.between(None, at(100)).exists()
    assert not gaps.between(at(1038), None).exists()
    assert not gaps.between(at(0), at(99)).exists()


def test_a_count_that_the_log_never_explains_is_said(log):
    log.write(10, since=0)
    log.list(11)
    log.read(12)
    log.list(1000)
    ApiKey.objects.update(request_count=14)
    log.read(1001)
    assert "4 requests that its log did not show" in log_completeness(log.key).explanation


def test_completeness_of_many_keys_asks_once_for_all_gaps(log, django_assert_num_queries):
    with_gap(log)
    with django_assert_num_queries(2):
        assert [log_completeness(key).expected for key in ApiKey.objects.prefetch_related("gaps")] == [638]


@pytest.mark.parametrize("odd", ["unreadable", "double"])
def test_a_full_page_counts_what_upstream_sent_and_not_what_could_be_read(log, odd):
    log.write(10, since=0)
    log.list(20)
    log.read(21)
    log.write(700, since=100)
    log.list(900)
    page = log.page()
    rows, sent = (page[:-1], 500) if odd == "unreadable" else ([*page[:-1], page[0]], 0)
    assert log_ingest.ingest_page(log.workspace, KEY, rows, at(901), sent).found_gap


def test_rows_without_an_id_are_left_out_and_the_others_land(log):
    log.write(3, since=0)
    log.rows[1] = structs.replace(log.rows[1], id="")
    log.list(10)
    assert [log.read(second).new_rows for second in (11, 12)] == [2, 0]


def forgets(log, kept):
    """Let upstream forget all rows but the newest, as it does with age; its count stays."""
    log.page = lambda: sorted(log.rows, key=lambda row: row.created_at, reverse=True)[:kept]


def test_a_short_page_with_nothing_known_is_a_gap_too(log):
    log.write(20, since=0)
    log.list(30)
    log.read(31)
    log.write(50, since=1000)
    forgets(log, 10)
    log.list(1100)
    assert log.read(1101).found_gap
    gap = LogGap.objects.get()
    assert (gap.after, gap.before, gap.size) == (at(19), at(1040), 40)
    assert log_completeness(log.key).has_lost


def test_a_short_page_with_nothing_known_is_a_gap_of_unknown_size_where_upstream_tells_no_count(log):
    log.write(20, since=0)
    log.list(30)
    log.read(31)
    ApiKey.objects.update(request_count=None)
    log.write(50, since=1000)
    forgets(log, 10)
    log.read(1101)
    assert LogGap.objects.get().size is None


@pytest.mark.parametrize("kept", [0, 3])
def test_a_page_is_no_gap_where_nothing_can_be_missing(log, kept):
    log.list(0)
    log.read(1)  # never used
    log.write(3, since=10)
    log.list(20)
    log.read(21)
    log.write(kept, since=1000)
    forgets(log, kept)
    log.list(1100)
    log.read(1101)
    assert not LogGap.objects.exists()
    assert log_completeness(log.key).is_complete


@pytest.mark.parametrize("on_page", [True, False], ids=["still on the page", "left the page"])
def test_a_row_dated_in_the_future_hides_no_gap(log, on_page):
    log.write(10, since=0)
    odd = RequestLogEntry(id="odd", created_at=at(30 * 24 * 3600), path="/x")
    log.rows.append(odd)
    log.list(20)
    log.read(21)
    log.rows.remove(odd)
    log.write(700, since=100)
    log.list(900)
    ApiKey.objects.update(request_count=711, last_used_at=at(799))
    page = log.page()
    assert log.read(901, [odd, *page[:-1]] if on_page else page).found_gap
    assert LogGap.objects.get().size == (201 if on_page else 200)


@pytest.mark.parametrize("lost", [0, 60])
def test_a_clock_of_upstreams_that_is_ahead_as_a_whole_neither_hides_nor_makes_a_gap(log, lost):
    ahead = 3 * 3600
    log.write(100, since=ahead)
    log.list(101)
    log.read(102)
    log.write(500 + lost, since=ahead + 200)
    log.list(900)
    log.read(901)
    assert [gap.size for gap in LogGap.objects.all()] == ([lost] if lost else [])
    log.write(10, since=ahead + 1000)
    assert not log.read(1100).found_gap


def restart(log, count, second):
    """Have the counter of ``log`` go back to ``count`` and the console notice."""
    ApiKey.objects.update(request_count=count, read_at=at(second), last_used_at=log.page()[0].created_at)


@pytest.fixture
def restarted(log):
    """A key of 600 requests, 38 of them lost, whose counter begins anew and stands at 50."""
    log.write(62, since=0)
    log.list(100)
    log.read(101)
    log.write(538, since=200)
    log.list(900)
    log.read(901)
    log.write(50, since=1000)
    restart(log, 50, 1100)
    return log


def test_a_counter_that_went_back_is_said_and_counted_on_from_there(restarted):
    assert restarted.key.uncaptured_count == 50  # so that its log is read soon
    assert "counter restarted since the last sync" in log_completeness(restarted.key).explanation
    restarted.read(1101)
    found = log_completeness(restarted.key)
    assert (found.captured, found.expected, found.has_restarted) == (612, 650, True)
    assert "38 requests fell into 1 gap" in found.explanation
    assert "Cleanlist's counter restarted by" in found.explanation
    restart(restarted, 57, 1200)
    assert restarted.key.uncaptured_count == 7
    assert "7 newer requests" in log_completeness(restarted.key).explanation


def test_a_gap_after_a_restart_is_sized_by_the_new_count_and_one_across_it_never(restarted):
    restarted.write(500, since=1200)
    restart(restarted, 550, 1900)
    restarted.read(1901)
    restarted.write(520, since=3000)
    restart(restarted, 1070, 3600)
    restarted.read(3601)
    restarted.read(3602)
    assert [gap.size for gap in LogGap.objects.of(restarted.key)] == [38, None, 20]
    assert "58 requests and an unknown number more fell into 3 gaps" in log_completeness(restarted.key).explanation


def test_an_older_list_that_comes_late_is_no_restart(log):
    log.write(20, since=0)
    log.list(30)
    log.read(31)
    ApiKey.objects.update(request_count=18, last_used_at=at(17))
    log.read(40)
    assert not log_completeness(log.key).has_restarted
    log.list(50)
    log.read(51)
    assert log_completeness(log.key).is_complete


def test_a_count_that_says_less_than_the_log_shows_is_no_restart_unless_it_fell(log):
    log.write(20, since=0)
    log.list(30)
    ApiKey.objects.update(request_count=15)
    log.read(31)
    log.read(32)
    assert not log_completeness(log.key).has_restarted
    assert log.key.uncaptured_count < 0


@pytest.mark.parametrize("count", [5_000_000_000, 2**63 - 1])
def test_a_gap_of_any_size_is_stored(log, count):
    log.write(10, since=0)
    log.list(20)
    log.read(21)
    log.write(600, since=100)
    log.list(900)
    ApiKey.objects.update(request_count=count)
    log.read(901)
    assert LogGap.objects.get().size == count - 510
    ApiKey.objects.update(request_count=100)
    log.read(902)
    ApiKey.objects.update(request_count=count)
    assert log.read(903).new_rows == 0


def test_a_restart_is_noticed_too_where_the_new_count_is_above_what_was_captured(log):
    with_gap(log, lost=590)
    log.write(50, since=2000)
    restart(log, 1000, 2100)
    log.read(2101)
    found = log_completeness(log.key)
    assert (found.captured, found.expected, found.has_restarted) == (650, 1240, True)


def test_the_first_requests_of_a_key_are_no_gap_where_upstream_tells_no_count(log):
    log.list(0)
    ApiKey.objects.update(request_count=None)
    log.read(1)
    log.write(3, since=10)
    assert not log.read(21).found_gap
    assert not LogGap.objects.exists()


def test_rows_that_cannot_be_read_had_not_left_the_log_before_the_console_came(log):
    log.write(700, since=0)
    log.list(701)
    page = log.page()
    log_ingest.ingest_page(log.workspace, KEY, page[:-3], at(702), sent=len(page))
    key = log.key
    assert (key.count_before, key.missed_count, key.uncaptured_count) == (200, 3, 0)
    assert "3 requests that its log did not show" in log_completeness(key).explanation
    log_ingest.ingest_page(log.workspace, KEY, page, at(703), sent=len(page))
    assert (log.key.count_before, log.key.missed_count, log.key.uncaptured_count) == (200, 0, 0)
