"""The demo's live traffic is no alarm beside its past: nothing unusual happens in it by itself."""

import asyncio
import datetime as dt
import random
from collections import Counter, defaultdict

import pytest

from alerts.engine.rule_kinds import kind_named
from keys.log.rule_history import FEWEST, busy_hour, times_busy
from sandbox import founding
from sandbox.traffic import live, past
from sandbox.traffic.characters import CAST
from sandbox.traffic.past import Place

NOW = dt.datetime(2026, 11, 23, 14, tzinfo=dt.UTC)
HOURS = 100
THRESHOLD = kind_named("key_rate").defaults[0].threshold
CHARACTERS = {one.slug: one for one in CAST if one.habit in {"pipeline", "crm", "monitor", "casual"} and not one.ends()}


class Counted(live.LiveTraffic):
    """The traffic by a clock of its own, that counts calls instead of making them."""

    def __init__(self, store, clock):
        super().__init__(store, 1)
        self._rng = random.Random(1)
        self.clock, self.calls = clock, Counter()

    def _call(self, character, method, path, act):
        self.calls[character.slug, int(self.clock.now // 3600)] += 1
        if method == "POST":
            act()

    def _start(self, character, path, contacts):
        return "a-workflow"

    def go_on(self, hours):
        for character in CHARACTERS.values():
            self._later(0, self._session_of(character))
        while self.clock.now < hours * 3600:
            self.clock.now, _, step = live.heapq.heappop(self._plan)
            step()


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def busiest(store, monkeypatch):
    """The most calls of each character in one of a hundred hours."""
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    traffic = Counted(store, clock)
    traffic.go_on(HOURS)
    asyncio.run(traffic.close())
    return {slug: max(traffic.calls[slug, hour] for hour in range(HOURS)) for slug in CHARACTERS}


@pytest.fixture(scope="module")
def usual():
    """What each key's busy hours have in the last week of the past, as the rule sees them."""
    made = past.make(Place(1, NOW, NOW, "org_x", "ll_x", founding.FIRST_CREDITS))
    slugs = {one.key_id(1): slug for slug, one in CHARACTERS.items()}
    hours = defaultdict(Counter)
    for row in made.request_logs:
        if row["key_id"] in slugs and row["created_at"] >= NOW - dt.timedelta(days=7):
            hours[slugs[row["key_id"]]][row["created_at"].replace(minute=0, second=0, microsecond=0)] += 1
    return {slug: busy_hour(sorted(counts.values())) for slug, counts in hours.items()}


def test_no_key_makes_so_many_requests_an_hour_that_its_rule_fires(busiest, usual):
    times = {slug: times_busy(count, usual.get(slug, 0)) for slug, count in busiest.items()}
    assert usual["pipeline"] > FEWEST
    assert min(busiest.values()) > FEWEST
    assert {slug: many for slug, many in times.items() if many > THRESHOLD} == {}
