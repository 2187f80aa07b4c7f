"""From rows to hours, endpoints, classes of status and durations: pure arithmetic."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import histogram as latency
from keys.log.canonical import endpoint_of
from keys.log.ingest.rollups import CONSOLE, EVERYTHING, MOST_ENDPOINTS, OTHER, CountedRow, RollupKey, count_rows

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
UUID = "0b0f3c50-6a2f-4d6e-9d3e-1f2a3b4c5d6e"


def row(path="/api/v1/public/whoami", status=200, duration=40, own=False):
    return CountedRow(HOUR.replace(minute=59), path, status, duration, own)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/api/v1/public/enrich/status?workflow_id=public_bulk_1", "/api/v1/public/enrich/status"),
        (f"/api/v1/public/enrichment/status/public_bulk_{UUID}", "/api/v1/public/enrichment/status/{id}"),
        (f"/api/v1/api-keys/{UUID}/requests", "/api/v1/api-keys/{id}/requests"),
        ("/api/v2/lead-lists/4711/", "/api/v2/lead-lists/{id}"),
        ("/api/v2/lists/5f8c2b91aa00ff/rows", "/api/v2/lists/{id}/rows"),
        ("//api//v1/public/credits/balance", "/api/v1/public/credits/balance"),
        ("", "/"),
        ("other", "/other"),
    ],
)
def test_paths_become_endpoints(path, endpoint):
    assert endpoint_of(path) == endpoint


@given(st.text())
def test_any_path_has_a_short_endpoint_that_is_none_of_the_reserved_words(path):
    endpoint = endpoint_of(path)
    assert endpoint.startswith("/")
    assert len(endpoint) <= 200


@given(st.integers(min_value=2, max_value=2**31))
def test_a_duration_is_known_to_nine_percent(duration):
    known = latency.percentile({latency.bucket_for(duration): 1}, 0.5)
    # Durations come in whole milliseconds, so the true one is anywhere within its millisecond.
    assert abs(known - duration) <= duration * latency.LARGEST_ERROR + 1e-6


@given(st.lists(st.integers(min_value=0, max_value=60_000), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_are_those_of_the_sorted_durations(durations, fraction):
    histogram = latency.merge({latency.bucket_for(duration): 1} for duration in durations)
    true = sorted(durations)[math.ceil(fraction * len(durations)) - 1]
    assert abs(latency.percentile(histogram, fraction) - true) <= true * latency.LARGEST_ERROR + 1e-6


def test_no_duration_has_no_percentile():
    assert latency.percentile({}, 0.95) is None


def test_requests_count_once_under_everything_and_once_under_their_endpoint():
    cells = count_rows([row(), row(status=429), row(status=None, duration=None)], set())
    assert cells[RollupKey(HOUR, EVERYTHING, 2)].count == cells[RollupKey(HOUR, "/api/v1/public/whoami", 2)].count == 1
    assert cells[RollupKey(HOUR, EVERYTHING, 4)].count == 1
    assert cells[RollupKey(HOUR, EVERYTHING, 0)].histogram == {}


def test_the_consoles_own_calls_count_apart():
    assert [cell.endpoint for cell in count_rows([row(own=True)], set())] == [CONSOLE]


def test_past_the_cap_endpoints_count_as_other():
    endpoints = set()
    cells = count_rows([row(path=f"/made-up/{'x' * number}") for number in range(1, MOST_ENDPOINTS + 6)], endpoints)
    assert len(endpoints) == MOST_ENDPOINTS
    assert cells[RollupKey(HOUR, OTHER, 2)].count == 5
