from datetime import UTC, datetime, timedelta

from core.charts.bars import CountBin, Series, counts_chart, lines_chart

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLASSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}


def bins(*counts):
    return [CountBin(BEGIN + n * HOUR, BEGIN + (n + 1) * HOUR, one) for n, one in enumerate(counts)]


def test_bars_are_stacked_by_class_and_classes_that_never_occur_are_left_out():
    chart = counts_chart("c", "Requests", bins({2: 3, 5: 1}, {}, {2: 2}), CLASSES, unit="request")
    assert [item.text for item in chart.legend] == ["2xx", "5xx"]
    assert [(layer.css, layer.path.count("M")) for layer in chart.layers] == [
        ("chart__bar chart__bar--2", 2),
        ("chart__bar chart__bar--5", 1),
    ]
    assert [point.text.split(": ")[1] for point in chart.points] == [
        "4 requests (3 2xx, 1 5xx)",
        "0 requests",
        "2 requests (2 2xx)",
    ]
    assert chart.words == "Requests: 6 requests, at most 4 requests at once."


def test_selections_snap_to_bars():
    chart = counts_chart("c", "Requests", bins({2: 1}, {2: 1}), CLASSES, unit="request", zoom_url="?start=START")
    assert list(chart.edges) == [BEGIN, BEGIN + HOUR, BEGIN + 2 * HOUR]
    assert len(chart.legend) == 0


def test_lines_are_not_drawn_across_unknown_values():
    series = [Series("p50", [10, None, 30]), Series("p95", [50, None, None])]
    chart = lines_chart("c", "Duration", bins({}, {}, {}), series, unit="ms")
    assert [layer.path.count("M") for layer in chart.layers] == [2, 1]
    assert [point.text.split(": ")[1] for point in chart.points] == ["p50 10 ms, p95 50 ms", "No data", "p50 30 ms"]
    assert chart.words == "Duration: p50 10 to 30 ms, p95 50 to 50 ms."
