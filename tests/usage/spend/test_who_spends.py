"""Ten keys of mixed kinds that call at once, on the real pipeline, against the sandbox's truth."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.usage.sandbox_feed import SandboxFeed
from tests.usage.spend.ten_keys import MONITOR, WATCHER, past_of, truth_of
from usage.spend.breakdown import SpendShare, spend_breakdown

LENGTH = timedelta(minutes=45)


@pytest.fixture
def watched(request, workspace, monkeypatch):
    """What the console shows of one history, and the truth by key."""
    end = timezone.now().replace(microsecond=0) - timedelta(minutes=10)
    begin = end - LENGTH
    seed, asks = request.param
    made, names = past_of(seed, begin, end, monkeypatch)
    console = SandboxFeed(workspace, made, names)
    console.watch(begin, end, asks=asks)
    found = spend_breakdown(workspace, timezone.now() - begin + timedelta(minutes=5), timezone.now())
    truth = truth_of(made, found.since, found.until)
    return found, {console.keys[key].label: spent for key, spent in truth.items()}


@pytest.mark.parametrize("watched", [(1, True), (2, True)], indirect=True)
def test_most_credits_are_with_the_right_key_and_ranges_hold_the_truth(watched, workspace, client, viewer):
    found, cases, measured = measure(*watched)
    total = sum(case.spent for case in cases)
    near = sum(case.spent for case in cases if case.is_near)
    assert near >= 0.8 * total, measured
    assert sum(case.is_held for case in cases) >= 0.9 * len(cases), measured
    assert abs(float(found.total) - total) <= total / 100, measured
    assert not {key.label for case in cases for key in case.row.keys} & {WATCHER, MONITOR}, measured
    _is_told_on_the_page(workspace, client, viewer)


def measure(found, truth):
    """Return what the console shows, each row with its truth, and the error in words."""
    cases = [Case(row, sum(truth.get(key.label, 0) for key in row.keys)) for row in found.by_key]
    total = sum(case.spent for case in cases)
    near = sum(case.spent for case in cases if case.is_near)
    held = sum(case.is_held for case in cases)
    lost = sum(abs(float(case.row.credits) - case.spent) for case in cases) / 2
    return (
        found,
        cases,
        (
            f"{near / total:.1%} of {total:,.0f} credits are within 5% of the truth for their key, {lost / total:.1%} "
            f"with a wrong one; {held} of {len(cases)} ranges hold the truth: " + "; ".join(map(str, cases))
        ),
    )


@dataclass
class Case:
    """A row of the page, and what its keys truly spent."""

    row: SpendShare
    spent: float

    @property
    def is_near(self):
        return not self.row.is_group and abs(float(self.row.credits) - self.spent) <= self.spent / 20

    @property
    def is_held(self):
        return self.row.low <= self.spent <= self.row.high

    def __str__(self):
        row = self.row
        return f"{row.names} {self.spent:.0f} in {row.low} to {row.high}, likely {row.credits}, known {row.known}"


def _is_told_on_the_page(workspace, client, viewer):
    client.force_login(viewer)
    answer = client.get(reverse("usage:overview", args=[workspace.slug]) + "?since=24h")
    told = answer.context["page"].breakdown
    assert f"{told.known:,} credits are known exactly" in answer.text
    assert any(row.is_range for row in told.by_key)
    assert all(f"likely {row.credits:,}" in answer.text for row in told.by_key if row.is_range)


@pytest.mark.parametrize("watched", [(1, False), (2, False)], indirect=True)
def test_where_no_enrichment_is_known_the_ranges_hold_the_truth_all_the_same(watched):
    found, cases, measured = measure(*watched)
    assert found.known == 0, measured
    assert all(case.row.high <= found.total for case in cases), measured
    assert sum(case.is_held for case in cases) >= 0.9 * len(cases), measured
