"""The charts of usage in every state: few nodes, nothing drawn across gaps, no area above a cut base."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from core.charts.chart import Mark
from usage.forecast.runway import Runway
from usage.page.chart import Forecast, balance_chart, begin_of, cut_at, small_chart, spent_chart
from usage.page.ranges import Range, RangeForm
from usage.page.series import Sample, bins

NOW = datetime(2026, 11, 30, 7, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def span(name):
    return Range.last(name, NOW)


def chosen(query):
    return RangeForm(QueryDict(query), None, NOW)


def falling(hours, every=HOUR, opening=90_000, by=7):
    count = int(hours * HOUR / every)
    return [Sample(NOW - (count - n) * every, Decimal(opening - by * n), Decimal(by)) for n in range(count + 1)]


STATES = {
    "a year": (falling(365 * 24), span("365d")),
    "one reading": ([Sample(NOW - 3 * HOUR, Decimal(500))], span("24h")),
    "below zero": (falling(100, opening=200), span("7d")),
    "nothing left": ([Sample(NOW - 5 * HOUR, Decimal(0)), Sample(NOW, Decimal(0))], span("24h")),
    "many gaps": ([Sample(NOW - n * HOUR, Decimal(500), after_gap=n % 3 == 0) for n in range(160, -1, -1)], span("7d")),
}


@pytest.mark.parametrize("state", STATES)
def test_a_chart_has_few_nodes_and_no_impossible_number_whatever_there_is(state):
    found, shown = STATES[state]
    marks = [Mark(shown.since + n * shown.length / 300, "alert", f"Alert {n}") for n in range(300)]
    chart = balance_chart(found, shown, [Decimal(n) for n in range(0, 400, 40)], marks, None)
    spent = spent_chart(bins(found, begin_of(found, shown), shown.until), shown)
    for one in (chart, spent):
        text = render_to_string("components/chart/chart.html", {"chart": one})
        svg = text[text.index("<svg") : text.rindex('class="chart__rows"')]
        assert len(re.findall(r"<[a-z]", svg)) <= 250
        assert "nan" not in svg
        assert "inf" not in svg
        assert len(one.points) <= 400


def test_of_more_samples_than_are_drawn_each_short_low_and_high_stays_in_its_order():
    found = falling(48, every=timedelta(minutes=1), opening=90_000, by=1)
    for place, credits_ in ((1000, 0), (1001, 95_000), (2000, 96_000), (2002, 5)):
        found[place] = Sample(found[place].at, Decimal(credits_))
    chart = small_chart(found, span("48h"))
    assert [point.value for point in chart.points if not 80_000 < point.value < 94_000] == [0, 95_000, 96_000, 5]
    assert len(chart.points) <= 360
    [line] = [layer.path for layer in chart.layers if layer.css == "chart__line"]
    assert f"V{chart.plot.y(0):g}" in line
    assert f"V{chart.plot.y(96_000):g}" in line


def test_a_gap_among_samples_that_are_left_out_stays_a_gap():
    found = [Sample(one.at, one.credits, after_gap=n == 2000) for n, one in enumerate(falling(48, HOUR / 60))]
    assert [point.value for point in small_chart(found, span("48h")).points].count(None) == 1


def test_below_zero_the_area_is_between_the_line_and_zero():
    found, shown = STATES["below zero"]
    chart = balance_chart(found, shown, [], [], None)
    assert chart.plot.axis.low < 0 < chart.plot.axis.high
    assert any(layer.css == "chart__area" and layer.path for layer in chart.layers)


def test_the_forecast_is_drawn_from_now_on_and_ends_when_the_credits_run_out():
    found, shown = falling(24 * 7, opening=2000, by=10), span("7d")
    zero = Runway(Decimal(0), NOW + 40 * HOUR, NOW + 30 * HOUR, NOW + 50 * HOUR)
    chart = balance_chart(found, shown, [], [], Forecast(NOW, float(found[-1].credits), [(0.0, zero)]))
    assert chart.plot.end == NOW + 50 * HOUR
    assert chart.plot.axis.low == 0
    assert {"chart__cone", "chart__median"} <= {layer.css for layer in chart.layers}
    assert chart.now == NOW
    far = Runway(Decimal(0), NOW + 90 * DAY, NOW + 80 * DAY, None)
    chart = balance_chart(found, shown, [], [], Forecast(NOW, float(found[-1].credits), [(0.0, far)]))
    assert chart.plot.end <= NOW + shown.length / 3


def test_a_balance_that_does_not_change_is_no_gap_and_a_gap_is_one():
    found = [Sample(NOW - 20 * HOUR, Decimal(50)), Sample(NOW - 2 * HOUR, Decimal(50))]
    rows = bins([*found, Sample(NOW, Decimal(40), Decimal(10), after_gap=True)], NOW - 20 * HOUR, NOW)
    assert [row.credits for row in rows if row.until <= NOW - 2 * HOUR] == [50] * len(rows[:-3])
    later = [row for row in rows if row.since > NOW - 2 * HOUR]
    assert [row.credits for row in later][-1] == 40
    assert None in [row.credits for row in rows[-3:]]


def test_a_line_is_cut_between_its_spots():
    assert cut_at([(NOW, 100.0), (NOW + 10 * HOUR, 0.0)], NOW + 5 * HOUR) == [(NOW, 100.0), (NOW + 5 * HOUR, 50.0)]


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ("start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("start=2026-11-20T00:00&end=2026-11-20", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("start=2026-11-20T00:00:00Z&end=2026-11-20T00:01:00Z", "2026-11-19T23:51", "2026-11-20T00:01"),
        ("start=2026-11-30T06:00:00%2B02:00&end=2027-01-01T00:00:00Z", "2026-11-30T04:00", "2026-11-30T07:03"),
        ("start=2001-01-01T00:00:00Z&end=2026-11-21T00:00:00Z", "2025-11-20T00:00", "2026-11-21T00:00"),
        ("start=2026-11-20T00:00", "2026-11-20T00:00", "2026-11-30T07:03"),
        ("end=2026-11-20T00:00", "2026-11-13T00:00", "2026-11-20T00:00"),
    ],
)
def test_a_selected_range_is_kept_within_what_can_be_drawn(query, since, until):
    found = chosen(query).span
    assert (found.name, f"{found.since:%Y-%m-%dT%H:%M}", f"{found.until:%Y-%m-%dT%H:%M}") == ("", since, until)
    assert found.is_live == (found.until == NOW)


@pytest.mark.parametrize(("query", "words"), [("since=6h", "Last 6 hours"), ("since=365d&more=5", "Last 365 days")])
def test_a_relative_range_has_any_length_up_to_a_year(query, words):
    found = chosen(query)
    assert found.range_label == found.span.words == words
    assert [preset.text for preset in found.range_presets if preset.is_current] == [words] * ("365d" in query)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", ""),
        ("range=9y", ""),
        ("since=9y", "since"),
        ("since=367d", "since"),
        ("since=7d&start=2026-11-20", "since"),
        ("start=x&end=y", "start"),
        ("start=2026-12-20T00:00:00Z", "start"),
        ("start=2026-11-22T00:00:00Z&end=2026-11-21T00:00:00Z", "end"),
        ("start=0001-01-01T00:00:00%2B14:00&end=9999-12-31T23:59:59-14:00", "start"),
    ],
)
def test_anything_else_is_the_default_range_and_the_picker_says_why(query, wrong):
    found = chosen(query)
    assert [preset.text for preset in found.range_presets if preset.is_current] in (["Last hour"], [])
    assert found.span.name == "1h"
    assert (wrong in found.errors) == found.has_error_in_time == bool(wrong)
