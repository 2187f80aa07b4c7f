"""The pure state machine, tried on generated histories."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.state_machine import Levels, Memory, State, step

NOW = datetime(2026, 3, 1, tzinfo=UTC)
values = st.none() | st.integers(0, 1000).map(Decimal)
histories = st.lists(st.tuples(st.integers(1, 600), values), max_size=40)


@st.composite
def levels(draw):
    direction = draw(st.sampled_from(["below", "above"]))
    low, high = sorted(draw(st.tuples(st.integers(0, 1000), st.integers(0, 1000))))
    threshold, recovery = (low, high) if direction == "below" else (high, low)
    return Levels(direction, Decimal(threshold), Decimal(recovery), timedelta(seconds=draw(st.integers(0, 900))))


def play(limits, history):
    """Yield time, value, memory before and memory after of each step."""
    memory, at = Memory(), NOW
    for seconds, value in history:
        at += timedelta(seconds=seconds)
        after = step(memory, limits, value, at)
        yield at, value, memory, after
        memory = after


@given(levels(), histories)
def test_it_fires_only_on_a_value_past_the_threshold_that_has_held_for_the_pending_time(limits, history):
    for at, value, before, after in play(limits, history):
        was = before.hidden if before.state == State.UNKNOWN else before.state
        if after.state == State.FIRING and was != State.FIRING:
            assert limits.crossed(value)
            assert at - after.started_at >= limits.pending


@given(levels(), histories)
def test_what_fires_ends_only_on_reaching_the_recovery_level(limits, history):
    for _, value, before, after in play(limits, history):
        was = before.hidden if before.state == State.UNKNOWN else before.state
        if was == State.FIRING and after.state == State.OK:
            assert limits.recovered(value)


@given(levels(), histories)
def test_unknown_is_exactly_what_cannot_be_read(limits, history):
    for _, value, _, after in play(limits, history):
        assert (after.state == State.UNKNOWN) == (value is None)


@given(levels(), histories, st.integers(0, 1000).map(Decimal))
def test_a_value_read_twice_says_nothing_new_without_a_pending_time(limits, history, value):
    limits = Levels(limits.direction, limits.threshold, limits.recovery)
    memory = [Memory(), *(after for _, _, _, after in play(limits, history))][-1]
    once = step(memory, limits, value, NOW + timedelta(days=1))
    assert step(once, limits, value, NOW + timedelta(days=1, seconds=1)) == once


@given(levels(), st.lists(st.integers(0, 1000).map(Decimal), max_size=40))
def test_between_two_firings_lies_a_recovery(limits, seen):
    memory, recovered = Memory(), True
    for number, value in enumerate(seen):
        after = step(memory, limits, value, NOW + timedelta(hours=number))
        if after.state == State.FIRING != memory.state:
            assert recovered
            recovered = False
        recovered = recovered or limits.recovered(value)
        memory = after


@given(levels())
def test_the_threshold_itself_is_still_fine(limits):
    assert step(Memory(), limits, limits.threshold, NOW).state == State.OK


OK, PENDING, FIRING = Memory(), Memory(State.PENDING, NOW), Memory(State.FIRING, NOW)


def unknown(hidden, started_at=None):
    return Memory(State.UNKNOWN, started_at, hidden)


TABLE = [
    # memory, minutes since it began, value, what becomes of it (fires below 100 after ten minutes, clears at 150)
    (OK, 0, 100, OK),
    (OK, 0, 99, PENDING),
    (OK, 0, None, unknown(State.OK)),
    (PENDING, 9, 99, PENDING),
    (PENDING, 10, 99, FIRING),
    (PENDING, 10, 100, OK),
    (PENDING, 5, None, unknown(State.PENDING, NOW)),
    (FIRING, 1, 99, FIRING),
    (FIRING, 1, 100, FIRING),
    (FIRING, 1, 149, FIRING),
    (FIRING, 1, 150, OK),
    (FIRING, 1, None, unknown(State.FIRING, NOW)),
    (unknown(State.OK), 10, 100, OK),
    (unknown(State.OK), 0, 99, PENDING),
    (unknown(State.PENDING, NOW), 9, 99, PENDING),
    (unknown(State.PENDING, NOW), 10, 99, FIRING),
    (unknown(State.PENDING, NOW), 10, 100, OK),
    (unknown(State.FIRING, NOW), 10, 149, FIRING),
    (unknown(State.FIRING, NOW), 10, 150, OK),
    (unknown(State.FIRING, NOW), 10, None, unknown(State.FIRING, NOW)),
]


@pytest.mark.parametrize(("before", "minutes", "value", "after"), TABLE)
def test_each_transition_of_the_machine(before, minutes, value, after):
    limits = Levels("below", Decimal(100), Decimal(150), timedelta(minutes=10))
    seen = None if value is None else Decimal(value)
    assert step(before, limits, seen, NOW + timedelta(minutes=minutes)) == after


@pytest.mark.parametrize(("before", "minutes", "value", "after"), TABLE)
def test_each_transition_of_the_machine_upside_down(before, minutes, value, after):
    limits = Levels("above", Decimal(-100), Decimal(-150), timedelta(minutes=10))
    seen = None if value is None else -Decimal(value)
    assert step(before, limits, seen, NOW + timedelta(minutes=minutes)) == after
