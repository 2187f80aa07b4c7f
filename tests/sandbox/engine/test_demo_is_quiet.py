"""The demo's live traffic fires no rule: it is not unusual compared with its past."""

import asyncio
import datetime as dt
import random
from collections import Counter, defaultdict

import pytest

from alerts.engine.rule_kinds import kind_named
from keys.log.rule_history import FEWEST, busy_hour, times_usual
from sandbox import seed
from sandbox.demo import live_traffic, past_traffic
from sandbox.demo.demo_keys import DEMO_KEYS
from sandbox.demo.past_traffic import PastSettings

NOW = dt.datetime(2026, 11, 23, 14, tzinfo=dt.UTC)
HOURS = 100
THRESHOLD = kind_named("key_rate").defaults[0].threshold
LIVE_PATTERNS = {"pipeline", "crm", "monitor", "casual"}
LIVE_KEYS = {one.slug: one for one in DEMO_KEYS if one.usage_pattern in LIVE_PATTERNS and not one.use_ended()}


class CountingTraffic(live_traffic.LiveTraffic):
    """Live traffic with a clock of its own; it counts calls instead of making them."""

    def __init__(self, store, clock):
        super().__init__(store, 1)
        self._rng = random.Random(1)
        self.clock, self.calls = clock, Counter()

    def _call(self, demo_key, method, path, act):
        self.calls[demo_key.slug, int(self.clock.now // 3600)] += 1
        if method == "POST":
            act()

    def _start(self, demo_key, path, contacts):
        return "a-workflow"

    def run(self, hours):
        for demo_key in LIVE_KEYS.values():
            self._call_later(0, self._recurring_session(demo_key))
        while self.clock.now < hours * 3600:
            self.clock.now, _, step = live_traffic.heapq.heappop(self._schedule)
            step()


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def busiest(store, monkeypatch):
    """The most calls in an hour, of a hundred hours, by key."""
    clock = Clock()
    monkeypatch.setattr(live_traffic, "time", clock)
    traffic = CountingTraffic(store, clock)
    traffic.run(HOURS)
    asyncio.run(traffic.close())
    return {slug: max(traffic.calls[slug, hour] for hour in range(HOURS)) for slug in LIVE_KEYS}


@pytest.fixture(scope="module")
def usual():
    """The calls in a busy hour of the last week of the past, by key, as the rule computes them."""
    past = past_traffic.generate_past(PastSettings(1, NOW, NOW, "org_x", "ll_x", seed.INITIAL_CREDITS))
    slugs = {one.key_id(1): slug for slug, one in LIVE_KEYS.items()}
    hours = defaultdict(Counter)
    for row in past.request_logs:
        if row["key_id"] in slugs and row["created_at"] >= NOW - dt.timedelta(days=7):
            hours[slugs[row["key_id"]]][row["created_at"].replace(minute=0, second=0, microsecond=0)] += 1
    return {slug: busy_hour(sorted(counts.values())) for slug, counts in hours.items()}


def test_no_key_makes_so_many_requests_an_hour_that_its_rule_fires(busiest, usual):
    factors = {slug: times_usual(count, usual.get(slug, 0)) for slug, count in busiest.items()}
    assert usual["pipeline"] > FEWEST
    assert min(busiest.values()) > FEWEST
    assert {slug: factor for slug, factor in factors.items() if factor > THRESHOLD} == {}
