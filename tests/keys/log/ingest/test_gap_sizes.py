"""A gap is as large as what fell into it, and takes in nothing that was missing elsewhere."""

import pytest

from keys.models import LogGap


@pytest.mark.parametrize(("come_after_all", "size"), [(0, 200), (4, 200)])
def test_a_gap_holds_nothing_that_was_missing_before_it(log, come_after_all, size):
    log.write(100, since=0)
    log.list(101)
    log.read(102)
    log.write(4, since=200)
    log.list(1000)
    log.read(1001, log.rows[:100][-50:])  # as if the log did not show the four
    assert log.key.missed_count == 4

    log.read(1002, log.rows[100 : 100 + come_after_all] or log.rows[50:100])
    log.write(700, since=2000)
    log.read(2801)
    log.list(2802)
    log.read(2803)

    gap = LogGap.objects.get()
    assert (gap.size, gap.is_estimate) == (size, not come_after_all)
    assert log.key.missed_count == 204 - come_after_all


def test_a_gap_is_not_empty_where_no_more_is_missing_than_before(log):
    log.write(100, since=0)
    log.list(101)
    log.read(102)
    log.write(4, since=200)
    log.list(1000)
    log.read(1001, log.rows[50:100])
    log.write(502, since=2000)
    log.read(2801)
    late = log.rows[100:104]
    log.read(2802, late)
    log.list(2803)
    log.read(2804)
    assert LogGap.objects.get().size == 2
