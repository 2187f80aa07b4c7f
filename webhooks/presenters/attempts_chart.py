"""The chart of attempts over time: how many endpoints accepted, and how many failed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock
from core.charts.bars import CountBin, counts_chart
from core.charts.chart import Chart
from core.db.rollups import HOUR, hour_of
from webhooks import health
from webhooks.filters import link_to
from webhooks.health import HourCount
from workspaces.models import Workspace

# Whole hours, because attempts are counted by the hour.
BIN = timedelta(hours=3)
# Colored as the classes of responses that they are.
ACCEPTED, FAILED = 2, 5
CLASSES = {ACCEPTED: "Accepted", FAILED: "Failed"}


@dataclass(frozen=True)
class AttemptsChart:
    """The chart, and its numbers as a table: those bins with attempts, the newest first."""

    chart: Chart
    rows: list["AttemptsRow"]


@dataclass(frozen=True)
class AttemptsRow:
    """The attempts of one bin, and the URL of their deliveries."""

    since: datetime
    url: str
    accepted: int
    failed: int


def attempts_chart(workspace: Workspace, hosts: Collection[str], list_url: str) -> AttemptsChart | None:
    """Return the attempts to ``hosts`` in the last seven days; None where none was made. One query.

    ``list_url`` is the list of deliveries, which bars and a selected range lead to.
    """
    until = hour_of(clock.cached_now()) + HOUR
    since = until - health.PERIOD
    hours = health.attempts_by_hour(workspace, hosts, since)
    if not hours:
        return None
    bins = _bins(hours, since)
    zoom_url = list_url + link_to(start="START", end="END")
    chart = counts_chart("attempts-chart", "Delivery attempts", bins, CLASSES, unit="attempt", zoom_url=zoom_url)
    return AttemptsChart(chart, [_row(one, list_url) for one in reversed(bins) if any(one.counts.values())])


def _bins(hours: Sequence[HourCount], since: datetime) -> list[CountBin]:
    counts = [{ACCEPTED: 0, FAILED: 0} for _ in range(health.PERIOD // BIN)]
    for one in hours:
        found = counts[min((one.hour - since) // BIN, len(counts) - 1)]
        found[ACCEPTED] += one.accepted
        found[FAILED] += one.failed
    times = [since + number * BIN for number in range(len(counts) + 1)]
    return [CountBin(start, end, count) for start, end, count in zip(times, times[1:], counts, strict=False)]


def _row(one: CountBin, list_url: str) -> AttemptsRow:
    url = list_url + link_to(start=_utc(one.since), end=_utc(one.until))
    return AttemptsRow(one.since, url, one.counts[ACCEPTED], one.counts[FAILED])


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
