"""Statistics beside the log: the chart, latency, errors and top values of the newest matching requests."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.db.models import Min, Q

from core.charts.bars import CountBin, Series, counts_chart, lines_chart
from core.charts.chart import Chart
from core.db.histogram import Histogram, bucket_for, merge, percentile
from core.db.query_timeout import time_limit
from keys.log.canonical import is_canonical_ip
from keys.log.models.facet import fingerprint
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.query_plan import plan_query
from keys.models import KeyTraffic, WorkspaceTraffic

# Reading this many rows takes a few hundredths of a second, however long the log is.
MOST_ROWS = 10_000
LISTED = 6
MOST_BARS = 36
SECONDS = 3.0
NEW_WITHIN = timedelta(hours=24)
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
CLASSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx", 0: "other"}


class LoggedCall(NamedTuple):
    """The columns that statistics need."""

    created_at: datetime
    path: str
    status_code: int | None
    duration_ms: int | None
    ip_address: str
    user_agent: str
    pk: int


@dataclass(frozen=True)
class TopValue:
    """A value, how often it occurs, and the filter that clicking it sets ("" if there is none)."""

    text: str
    count: int
    url: str
    status: int | None = None
    is_new: bool = False


@dataclass(frozen=True)
class ChartBar:
    """The requests of one interval by status class, and the histogram of their durations."""

    start: datetime
    end: datetime
    counts: dict[int, int]
    url: str
    durations: Histogram

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class LogStatistics:
    """The statistics shown beside the log."""

    read: int
    is_cut: bool
    oldest: datetime | None
    bars: list[ChartBar]
    bars_complete: bool
    latency: list[tuple[str, float]]
    calls: list[TopValue]
    errors: list[TopValue]
    paths: list[TopValue]
    addresses: list[TopValue]
    agents: list[TopValue]
    slowest: list[tuple[LoggedCall, str]]
    zoom: str = ""

    @property
    def classes(self) -> dict[int, str]:
        """Return the classes that occur, in their order."""
        return {number: label for number, label in CLASSES.items() if any(bar.counts.get(number) for bar in self.bars)}

    @property
    def table(self) -> list[tuple[ChartBar, list[int]]]:
        """Return the bars with their counts in the order of ``classes``."""
        return [(bar, [bar.counts.get(number, 0) for number in self.classes]) for bar in self.bars]


def log_statistics(form: LogFilterForm, scope: LogScope, now: datetime) -> LogStatistics:
    """Summarize the newest MOST_ROWS requests that match a valid ``form``. Raises QueryTimeout."""
    with time_limit(SECONDS):
        rows = _read(form, scope, now)
        is_cut, rows = len(rows) > MOST_ROWS, rows[:MOST_ROWS]
        rollup = _rollup(form, scope, now) if is_cut else None
        times = Counter((row.created_at, _class(row.status_code)) for row in rows) if rollup is None else _hours(rollup)
        timed = _timed(rows) if rollup is None else list(rollup.values_list("hour", "histogram"))
        addresses = Counter(row.ip_address for row in rows if row.ip_address)
        agents = Counter(row.user_agent for row in rows if row.user_agent)
        new = _new(scope, {"ip_address": _top(addresses), "user_agent": _top(agents)}, now - NEW_WITHIN)
    durations = merge(histogram for _, histogram in timed)
    slowest = sorted((r for r in rows if r.duration_ms is not None), key=lambda r: -(r.duration_ms or 0))[:LISTED]
    return LogStatistics(
        read=len(rows),
        is_cut=is_cut,
        oldest=rows[-1].created_at if rows else None,
        bars=_bars(times, timed, form, of_hours=rollup is not None) if rows else [],
        bars_complete=rollup is not None or not is_cut,
        latency=[(name, ms) for name, share in PERCENTILES.items() if (ms := percentile(durations, share)) is not None],
        calls=[TopValue(str(code), n, form.link(status=str(code))) for code, n in _refusals(rows)],
        errors=_errors(rows, form),
        paths=[
            TopValue(p, n, form.link(path=f"={p}")) for p, n in Counter(row.path for row in rows).most_common(LISTED)
        ],
        addresses=[
            TopValue(ip, n, form.link(ip=ip) if is_canonical_ip(ip) else "", is_new=("ip_address", ip) in new)
            for ip, n in addresses.most_common(LISTED)
        ],
        agents=[
            TopValue(name, n, form.link(agent=name[:300]), is_new=("user_agent", name) in new)
            for name, n in agents.most_common(LISTED)
        ],
        slowest=[(row, form.link(slower=str(max(0, (row.duration_ms or 0) - 1)))) for row in slowest],
        zoom=form.link(since="", start="START", end="END"),
    )


def _read(form: LogFilterForm, scope: LogScope, now: datetime) -> list[LoggedCall]:
    """Return the newest MOST_ROWS matching rows, newest first, plus one if there are more."""
    plan = plan_query(form, scope, now, wanted=MOST_ROWS)
    if plan is None:
        return []
    found = plan.rows.order_by() if plan.is_rare else plan.rows.newest_first()
    rows = [LoggedCall(*row) for row in found.values_list(*LoggedCall._fields)[: MOST_ROWS + 1]]
    return sorted(rows, key=lambda row: (row.created_at, row.pk), reverse=True) if plan.is_rare else rows


def _timed(rows: Sequence[LoggedCall]) -> list[tuple[datetime, Histogram]]:
    return [(row.created_at, {bucket_for(row.duration_ms): 1}) for row in rows if row.duration_ms is not None]


def _top(counter: Counter[str]) -> list[str]:
    return [text for text, _ in counter.most_common(LISTED)]


def _class(code: int | None) -> int:
    return code // 100 if code is not None and 200 <= code < 600 else 0


def _refusals(rows: Sequence[LoggedCall]) -> Iterable[tuple[int, int]]:
    counts = Counter(row.status_code for row in rows)
    return [(code, counts[code]) for code in (401, 429) if counts[code]]


def _errors(rows: Sequence[LoggedCall], form: LogFilterForm) -> list[TopValue]:
    counts = Counter((r.status_code, r.path) for r in rows if r.status_code is not None and r.status_code >= 400)
    return [
        TopValue(path, n, form.link(status=str(code), path=f"={path}"), status=code)
        for (code, path), n in counts.most_common(LISTED)
    ]


def _new(scope: LogScope, found: dict[str, list[str]], before: datetime) -> set[tuple[str, str]]:
    """Return which of the values ``found``, by column, are new after ``before``, if the log is older than that."""
    if not scope.facets.filter(first_seen_at__lt=before).exists():
        return set()
    wanted = Q(pk__in=[])
    for kind, texts in found.items():
        wanted |= Q(kind=kind, fingerprint__in=[fingerprint(text) for text in texts])
    values = scope.facets.filter(wanted).values_list("kind", "value").annotate(first=Min("first_seen_at"))
    return {(kind, value) for kind, value, first in values if first >= before}


def _rollup(form: LogFilterForm, scope: LogScope, now: datetime) -> Any:
    """Return the rollups of the selected time; None if a filter needs details that they do not have."""
    data = form.cleaned_data
    if (
        any(data.get(name) for name in ("q", "status", "method", "path", "ip", "agent", "own"))
        or data["slower"] is not None
    ):
        return None
    key = scope.key or data.get("key")
    rollups: Any = (
        KeyTraffic.objects.filter(key=key) if key else WorkspaceTraffic.objects.filter(workspace=scope.workspace)
    )
    end = data["end"] or now
    start = data["start"] or (now - data["since"] if data["since"] else end - timedelta(days=30))
    return rollups.everything().between(start, end)


def _hours(rollups: Any) -> Counter[tuple[datetime, int]]:
    """Return the counts by hour and class; unknown classes are combined as 0."""
    hours: Counter[tuple[datetime, int]] = Counter()
    for hour, number, n in rollups.values_list("hour", "status_class", "count"):
        hours[hour, number if number in CLASSES else 0] += n
    return hours


def _bars(
    times: Counter[tuple[datetime, int]],
    timed: Sequence[tuple[datetime, Histogram]],
    form: LogFilterForm,
    *,
    of_hours: bool,
) -> list[ChartBar]:
    if not times:
        return []
    hour = 3600 if of_hours else 60
    first, last = (edge(at for at, _ in times).timestamp() for edge in (min, max))
    first -= first % hour
    # Whole minutes or hours, so that a bar's link filters exactly what the bar shows.
    step = max(hour, -(-(last + 1 - first) // (MOST_BARS * hour)) * hour)
    slots: dict[int, Counter[int]] = defaultdict(Counter)
    for (at, number), n in times.items():
        slots[int((at.timestamp() - first) // step)][number] += n
    durations: dict[int, list[Histogram]] = defaultdict(list)
    for at, histogram in timed:
        durations[int((at.timestamp() - first) // step)].append(histogram)
    edges = [datetime.fromtimestamp(first + index * step, UTC) for index in range(max(slots) + 2)]
    return [
        ChartBar(start, end, dict(slots[index]), _bar_link(form, start, end), merge(durations[index]))
        for index, (start, end) in enumerate(pairwise(edges))
    ]


def _bar_link(form: LogFilterForm, start: datetime, end: datetime) -> str:
    return form.link(since="", start=f"{start:%Y-%m-%dT%H:%M:%SZ}", end=f"{end:%Y-%m-%dT%H:%M:%SZ}")


@dataclass(frozen=True)
class LogCharts:
    """The two charts; ``latency`` is None where no duration is known."""

    requests: Chart
    latency: Chart | None


def log_charts(found: LogStatistics, log_url: str) -> LogCharts | None:
    """Return the charts of ``found``, whose bars lead to ``log_url``; None without requests."""
    if not found.bars:
        return None
    bins = [CountBin(bar.start, bar.end, bar.counts) for bar in found.bars]
    zoom_url = f"{log_url}{found.zoom}"
    requests = counts_chart("requests-chart", "Requests", bins, CLASSES, unit="request", zoom_url=zoom_url)
    return LogCharts(requests, _latency(found, bins) if found.latency else None)


def _latency(found: LogStatistics, bins: list[CountBin]) -> Chart:
    median, slow = ([percentile(bar.durations, share) for bar in found.bars] for share in (0.5, 0.95))
    series = [Series("p50", median), Series("p95", slow, "chart__line chart__line--second", "chart__swatch--second")]
    return lines_chart("latency-chart", "Duration (ms)", bins, series, unit="ms")
