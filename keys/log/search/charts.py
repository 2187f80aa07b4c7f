"""The charts of requests: how many by status class, and how long they took."""

from dataclasses import dataclass

from core.charts.bars import CountBin, Series, counts_chart, lines_chart
from core.charts.chart import Chart
from core.histogram import percentile
from keys.log.search.statistics import CLASSES, LogStatistics


@dataclass(frozen=True)
class LogCharts:
    """The two charts; ``latency`` is None where no duration is known."""

    requests: Chart
    latency: Chart | None


def log_charts(found: LogStatistics, log_url: str) -> LogCharts | None:
    """Return the charts of ``found``, whose bars lead to ``log_url``; None without requests."""
    if not found.bars:
        return None
    bins = [CountBin(bar.start, bar.end, bar.counts, f"{log_url}{bar.url}") for bar in found.bars]
    zoom_url = f"{log_url}{found.zoom}"
    requests = counts_chart("requests-chart", "Requests", bins, CLASSES, unit="request", zoom_url=zoom_url)
    return LogCharts(requests, _latency(found, bins) if found.latency else None)


def _latency(found: LogStatistics, bins: list[CountBin]) -> Chart:
    median, slow = ([percentile(bar.durations, share) for bar in found.bars] for share in (0.5, 0.95))
    series = [Series("p50", median), Series("p95", slow, "chart__line chart__line--second", "chart__swatch--second")]
    return lines_chart("latency-chart", "Duration (ms)", bins, series, unit="ms")
