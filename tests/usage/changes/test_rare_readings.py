"""Accounts that are read seldom, as in an imported history: what one hour spends, another does not."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from usage.changes.interpretation import interpret
from usage.changes.types import Change, Evidence

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)


def in_office_hours(chance, at):
    return chance.random() * (600 if 8 <= at.hour < 18 and at.weekday() < 5 else 60)


def in_bursts(chance, _):
    return chance.expovariate(1 / 300) if chance.random() < 0.4 else 0


def at_night(chance, at):
    return chance.random() * 4000 if at.hour in {2, 3} else 1


def history(spending, size, minutes, seed):
    """Return three weeks of changes in which ``size`` is added below 1,200, and in which of them it was."""
    chance, at, balance = random.Random(seed), BEGIN, Decimal(size + 3000)
    changes, topped_up = [], set()
    for _ in range(21 * 24 * 60 // minutes):
        before, until = balance, at + timedelta(minutes=minutes)
        balance -= int(spending(chance, at) * minutes / 60)
        if balance < 1200:
            balance += size
            topped_up.add(until)
        if balance != before:
            changes.append(Change(at, until, before, balance))
        at = until
    return changes, topped_up


@pytest.mark.parametrize("minutes", [60, 15])
@pytest.mark.parametrize(("spending", "size"), [(in_office_hours, 1500), (in_bursts, 10_000), (in_bursts, 1500)])
def test_ranges_of_top_ups_hold_what_was_added_and_none_is_invented(spending, size, minutes):
    held = []
    for seed in range(4):
        changes, topped_up = history(spending, size, minutes, seed)
        for change, found in zip(changes, interpret(Evidence(changes)), strict=True):
            if change.until in topped_up:
                held.append(found.low <= size <= found.high)
            else:
                assert found.topped_up == 0, (seed, change, found)
    assert len(held) >= 15
    assert sum(held) >= 0.8 * len(held), (sum(held), len(held))


def test_quiet_hours_between_batches_hide_no_top_up():
    changes, topped_up = history(at_night, 1500, 60, seed=1)
    evidence = Evidence(changes, usual=167 / 3600, sizes=[(BEGIN - timedelta(days=1), Decimal(200))])
    found = zip(changes, interpret(evidence), strict=True)
    assert [one for change, one in found if one.topped_up and change.until not in topped_up] == []
