"""Requests, lists and pages in any order: whatever is missing lies in a gap, and the numbers add up."""

import itertools
import random

import pytest

from keys.log.completeness import log_completeness
from keys.log.ingest import gaps, recount
from keys.models import LogGap, LoggedRequest

PAGE = 12


def happen(log, dice):
    """Let a key be used, a few times more than a page shows at once, and be read meanwhile; return what was lost."""
    now, late, first = 100.0, [], len(log.rows)
    for _ in range(dice.randint(5, 40)):
        now += dice.choice([0.001, 1, 30, 400])
        what = dice.choice(["use", "use", "list", "page", "page", "late"])
        if what == "use":
            for _ in range(dice.choice([1, 2, 8, 12, 13, 20])):
                now += dice.choice([0.0, 0.001, 1.0])
                log.write(1, since=now)
        elif what == "list":
            log.list(now)
        elif what == "page" and dice.random() < 0.2:
            late.append((now, log.page()))
        elif what == "page":
            log.read(now)
        elif late:
            log.read(*late.pop(dice.randrange(len(late))))
    for _ in range(2):
        now += 1000
        log.list(now)
        log.read(now + 1)
    here = set(LoggedRequest.objects.values_list("upstream_id", flat=True))
    return [row.created_at for row in log.rows[first:] if row.id not in here]


@pytest.mark.parametrize("seed", range(25))
def test_what_is_missing_lies_in_a_gap_and_is_counted(log, seed, monkeypatch):
    monkeypatch.setattr(gaps, "PAGE_ROWS", PAGE)
    log.page = lambda: sorted(log.rows, key=lambda row: row.created_at, reverse=True)[:PAGE]
    log.write(3, since=0)
    log.list(10)
    log.read(11)

    lost = happen(log, random.Random(seed))

    kept, found = list(LogGap.objects.all()), log_completeness(log.key)
    in_gaps = [[at for at in lost if gap.after <= at <= gap.before] for gap in kept]
    assert sorted(itertools.chain(*in_gaps)) == sorted(lost)
    assert all(gap.is_estimate or gap.size == len(inside) for gap, inside in zip(kept, in_gaps, strict=True))
    assert sum(gap.size for gap in kept) == log.key.missed_count == len(lost)
    assert found.expected - found.captured == len(lost)
    assert list(recount.recount(log.workspace)) == []
