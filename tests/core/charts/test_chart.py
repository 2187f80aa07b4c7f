from datetime import UTC, datetime, timedelta

import pytest

from core.charts.chart import Chart, Layer, Mark, Point, Threshold, joined_marks, placed_thresholds
from core.charts.plot import Plot
from core.charts.value_axis import ValueAxis

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def plot():
    return Plot(BEGIN, BEGIN + 100 * HOUR, ValueAxis(0, 100, 25), height=200)


def test_times_are_to_scale_and_those_beyond_are_at_the_edge(plot):
    assert [plot.x(BEGIN + hours * HOUR) for hours in (-5, 0, 25, 100, 900)] == [0, 0, 250, 1000, 1000]


def test_a_balance_is_drawn_in_steps(plot):
    assert plot.step_path([[(BEGIN, 100), (BEGIN + 50 * HOUR, 100), (BEGIN + 100 * HOUR, 50)]]) == "M0 0H500H1000V100"


def test_nothing_is_drawn_across_a_gap_and_a_lone_value_is_a_dash(plot):
    path = plot.step_path([[(BEGIN, 100)], [(BEGIN + 50 * HOUR, 50), (BEGIN + 60 * HOUR, 25)]])
    assert path == "M0 0h2 M500 100H600V150"


def test_an_area_ends_at_zero_and_there_is_none_above_a_cut_base(plot):
    run = [(BEGIN, 50), (BEGIN + 100 * HOUR, 50)]
    assert plot.area_path([run]) == "M0 100H1000V200H0Z"
    assert Plot(BEGIN, BEGIN + HOUR, ValueAxis(40, 60, 10)).area_path([run]) == ""
    below = Plot(BEGIN, BEGIN + 100 * HOUR, ValueAxis(-100, 100, 50), height=200)
    assert below.area_path([[(BEGIN, -50), (BEGIN + 100 * HOUR, -50)]]) == "M0 150H1000V100H0Z"


def test_the_smallest_count_still_is_a_pixel_and_none_is_nothing(plot):
    assert plot.bar(BEGIN, BEGIN + 10 * HOUR, 0, 0.1) == "M3 200V199H97V200Z"
    assert plot.bar(BEGIN, BEGIN + 10 * HOUR, 0, 0) == ""


def test_phones_get_fewer_ticks(plot):
    wide = [tick for tick in plot.columns if "narrow" not in tick.css]
    narrow = [tick for tick in plot.columns if "wide" not in tick.css]
    assert len(wide) <= 7
    assert 1 <= len(narrow) <= 4


def test_marks_near_each_other_are_one_and_the_weightiest_gives_its_shape(plot):
    marks = [
        Mark(BEGIN + 49 * HOUR, "created", "Key created: a"),
        Mark(BEGIN + 50 * HOUR, "top-up", "Top-up of 10 credits", "+10"),
        Mark(BEGIN + 51 * HOUR, "alert", "Alert: low"),
        Mark(BEGIN + 52 * HOUR, "revoked", "Key revoked: b"),
        Mark(BEGIN + 70 * HOUR, "created", "Key created: c"),
        Mark(BEGIN + 71 * HOUR, "created", "Key created: d"),
        Mark(BEGIN + 90 * HOUR, "created", "Key created: e"),
        Mark(BEGIN - HOUR, "revoked", "Key revoked: f"),
    ]
    found = joined_marks(marks, plot)
    placed = [(one.kind, one.percent, one.label) for one in found]
    assert placed == [("alert", 51, "+10"), ("created", 70, "2"), ("created", 90, "")]
    told = [one.text for one in found[0].all]
    assert told == ["Alert: low", "Top-up of 10 credits", "Key created: a", "Key revoked: b"]
    legend = Chart("c", "Title", "Words", plot, [], [], marks=found).full_legend
    assert [item.text for item in legend] == ["Alert", "Top-up", "Key created", "Key revoked"]


def test_the_read_out_of_many_marks_is_short_and_begins_with_alerts(plot):
    marks = [Mark(BEGIN, "created", f"Key created: {'long' * 50} {n}") for n in range(3)]
    marks += [Mark(BEGIN, "alert", "Alert: low")] * 2
    for drawn in (marks, joined_marks(marks, plot)):
        [line] = Chart("c", "T", "W", plot, [], [Point(BEGIN, "first", 100)], marks=drawn).data_points.split("\n")
        assert line.startswith("0 0 first · Alert: low (2 times) · Key created: longlong")
        assert line.endswith("… · and 2 more")
        assert len(line) < 110


@pytest.mark.parametrize("hours", [1, 5, 24, 32, 168, 180, 200, 224, 720, 960, 2160, 8760, 11680])
def test_a_phone_gets_more_than_one_label_of_the_time(hours):
    for shift in range(0, 24 * 7, 5):
        begin = BEGIN + shift * HOUR
        columns = Plot(begin, begin + hours * HOUR, ValueAxis(0, 100, 25)).columns
        assert 2 <= len([tick for tick in columns if "wide" not in tick.css]) <= 4


def test_thresholds_too_close_for_two_labels_share_one(plot):
    found = placed_thresholds([Threshold(value, f"below {value}") for value in (1, 3, 50, 400)], plot)
    assert [(one.value, one.text) for one in found] == [(50, "below 50"), (3, "below 3, below 1"), (1, "")]


def test_the_read_out_names_the_marks_that_are_nearest_to_a_value(plot):
    chart = Chart(
        "c", "Title", "Words", plot, [Layer("chart__line", "")],
        [Point(BEGIN, "first", 100), Point(BEGIN + 50 * HOUR, "No data"), Point(BEGIN + 100 * HOUR, "last\nline", 0)],
        marks=[Mark(BEGIN + 95 * HOUR, "alert", "Alert: low")],
    )  # fmt: skip
    assert chart.data_points.split("\n") == ["0 0 first", "500 - No data", "1000 200 last line · Alert: low"]
