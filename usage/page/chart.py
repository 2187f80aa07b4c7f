"""The page's charts: the balance with its forecast, and what was spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.charts.chart import (
    Chart,
    Layer,
    LegendItem,
    Mark,
    Point,
    Threshold,
    gap_text,
    gaps_between,
    joined_marks,
    placed_thresholds,
)
from core.charts.plot import Plot
from core.charts.value_axis import ValueAxis
from core.db.rollups import hour_of
from core.formatting import counted, format_number, format_time
from usage.forecast.runway import Runway
from usage.page.ranges import Range
from usage.page.series import Bin, Sample, thinned

# A history shorter than its range is drawn from its beginning, but never shorter than this.
SHORTEST = timedelta(minutes=10)
# The forecast takes at most this share of the history's width, and is drawn where the range is at least a day.
MOST_AHEAD = 1 / 3
SPENT_HEIGHT = 90
ZOOM_URL = "?start=START&end=END"

Run = list[tuple[datetime, float]]


@dataclass(frozen=True)
class Forecast:
    """When the balance reaches each level, highest first: the cone and its middle line."""

    at: datetime
    balance: float
    levels: Sequence[tuple[float, Runway]]

    @property
    def is_rough(self) -> bool:
        """Return whether the cone is a rough guess instead of an interval that holds in 8 of 10 cases."""
        return any(one.is_rough for _, one in self.levels)

    def until(self, longest: timedelta) -> datetime:
        """Return the end of the drawing: when the credits run out at the latest, within ``longest``."""
        known = [at for _, one in self.levels for at in (one.median_at, one.late_at) if at]
        return min(max(known, default=self.at), self.at + longest)

    def line(self, name: str) -> list[tuple[datetime, float]]:
        """Return the line of "early_at", "median_at" or "late_at", as far as it is known."""
        spots = [(self.at, self.balance)]
        for level, one in self.levels:
            at: datetime | None = getattr(one, name)
            if at is None:
                break
            if at > spots[-1][0] and level < spots[-1][1]:
                spots.append((at, level))
        return spots


def begin_of(found: Sequence[Sample], span: Range) -> datetime:
    """Return where the drawing begins: with the history, if that is shorter than its range."""
    return min(max(span.since, found[0].at), span.until - SHORTEST)


def balance_chart(
    found: Sequence[Sample], span: Range, levels: Sequence[Decimal], marks: Sequence[Mark], ahead: Forecast | None
) -> Chart:
    """Return the chart of at least one sample; ``ahead`` is drawn if the range goes up to now."""
    shown = thinned(found)
    runs = _runs(shown)
    begin, end = begin_of(found, span), span.until
    if ahead:
        end = ahead.until((end - begin) * MOST_AHEAD)
    values = [value for run in runs for _, value in run]
    lines = {name: cut_at(ahead.line(name), end) for name in ("early_at", "median_at", "late_at")} if ahead else {}
    values += [value for line in lines.values() for _, value in line]
    plot = Plot(begin, end, ValueAxis.around(values))
    gaps = [(since, until) for since, until in gaps_between(runs) if until > begin]
    return Chart(
        name="balance",
        title="Balance",
        words=_words(found, span),
        plot=plot,
        layers=[*_forecast_layers(plot, lines, end), *_history_layers(plot, runs)],
        points=_points(shown, gaps, span),
        gaps="".join(plot.band(since, until) for since, until in gaps),
        marks=joined_marks(marks, plot),
        thresholds=placed_thresholds([Threshold(float(one), _threshold_words(one)) for one in set(levels)], plot),
        legend=_legend(has_gaps=bool(gaps), ahead=ahead if lines else None),
        now=span.until if lines else None,
        zoom_url=ZOOM_URL,
        latest=f"{'Now' if span.is_live else format_time(found[-1].at)}: {_credits(found[-1].credits)}",
        dot=(plot.percent(found[-1].at), plot.y(float(found[-1].credits))),
    )


def small_chart(found: Sequence[Sample], span: Range, height: int = 90) -> Chart:
    """Return the balance alone, of at least one sample."""
    shown = thinned(found)
    runs = _runs(shown)
    values = [value for run in runs for _, value in run]
    plot = Plot(begin_of(found, span), span.until, ValueAxis.around(values), height)
    gaps = [(since, until) for since, until in gaps_between(runs) if until > plot.begin]
    return Chart(
        name="balance",
        title=span.words,
        words=_words(found, span),
        plot=plot,
        layers=_history_layers(plot, runs),
        points=_points(shown, gaps, span),
        gaps="".join(plot.band(since, until) for since, until in gaps),
        dot=(plot.percent(found[-1].at), plot.y(float(found[-1].credits))),
    )


def spent_chart(rows: Sequence[Bin], span: Range, marks: Sequence[Mark] = (), until: datetime | None = None) -> Chart:
    """Return the chart of the credits spent in each bin, up to ``until`` to line up with the balance above."""
    end = max(until or rows[-1].until, rows[-1].until)
    plot = Plot(rows[0].since, end, ValueAxis.around([0.0, *(float(row.spent) for row in rows)]), SPENT_HEIGHT)
    unknown = [row for row in rows if row.credits is None]
    return Chart(
        name="spent",
        title="Credits spent",
        words=f"Credits spent, {span.lower_words}, highest {format_number(max(row.spent for row in rows))} at once.",
        plot=plot,
        layers=[Layer("chart__bar", "".join(plot.bar(row.since, row.until, 0, float(row.spent)) for row in rows))],
        points=[Point(row.since + (row.until - row.since) / 2, _bin_words(row), float(row.spent)) for row in rows],
        gaps="".join(plot.band(row.since, row.until) for row in unknown),
        marks=joined_marks(marks, plot),
        edges=[*(row.since for row in rows), rows[-1].until],
        zoom_url=ZOOM_URL,
    )


def cut_at(line: Run, end: datetime) -> Run:
    """Return the part of a falling line up to ``end``, which it reaches between two of its spots."""
    kept: Run = []
    for at, value in line:
        if at > end:
            before, height = kept[-1]
            share = (end - before) / (at - before)
            return [*kept, (end, height + share * (value - height))]
        kept.append((at, value))
    return kept


def _runs(found: Sequence[Sample]) -> list[Run]:
    """Return the samples between gaps: a line is never drawn across a time without readings."""
    runs: list[Run] = []
    for one in found:
        if one.after_gap or not runs:
            runs.append([])
        runs[-1].append((one.at, float(one.credits)))
    return runs


def _history_layers(plot: Plot, runs: Sequence[Run]) -> list[Layer]:
    return [Layer("chart__area", plot.area_path(runs)), Layer("chart__line", plot.step_path(runs))]


def _forecast_layers(plot: Plot, lines: dict[str, Run], end: datetime) -> list[Layer]:
    if not lines:
        return []
    early, late = lines["early_at"], lines["late_at"]
    # Where nobody knows how late, the cone stays open: as high as the balance is now.
    upper = late if len(late) > 1 else [*late, (end, late[0][1])]
    lower = early if early[-1][0] == end else [*early, (end, early[-1][1])]
    return [
        Layer("chart__cone", plot.polygon([*upper, *lower[:0:-1]])),
        Layer("chart__median", plot.line_path([lines["median_at"]])),
    ]


def _points(shown: Sequence[Sample], gaps: Sequence[tuple[datetime, datetime]], span: Range) -> list[Point]:
    seconds = span.length <= timedelta(hours=1)
    points = [Point(one.at, _sample_words(one, seconds=seconds), float(one.credits)) for one in shown]
    points += [Point(since + (until - since) / 2, gap_text(since, until)) for since, until in gaps]
    return sorted(points, key=lambda point: point.at)


def _sample_words(one: Sample, *, seconds: bool) -> str:
    if one.extreme:
        return f"{one.extreme.capitalize()} in the hour from {format_time(hour_of(one.at))}: {_credits(one.credits)}"
    return f"{format_time(one.at, seconds=seconds)}: {_credits(one.credits)}"


def _bin_words(row: Bin) -> str:
    if row.credits is None:
        return gap_text(row.since, row.until)
    return f"{format_time(row.since)} to {format_time(row.until)}: {_credits(row.spent)} spent"


def _legend(*, has_gaps: bool, ahead: Forecast | None) -> list[LegendItem]:
    found = (
        [LegendItem(f"Forecast, {'rough range' if ahead.is_rough else '80% interval'}", "chart__cone")] if ahead else []
    )
    return [*found, LegendItem("No data", "chart__gap")] if has_gaps else found


def _threshold_words(level: Decimal) -> str:
    whole = f"{level:,.0f}"
    return "at 0" if whole == "0" else f"below {whole}"


def _credits(amount: Decimal | float) -> str:
    return counted(round(Decimal(amount), 2), "credit")


def _words(found: Sequence[Sample], span: Range) -> str:
    values = [one.credits for one in found]
    first, last = format_number(values[0]), format_number(values[-1])
    low, high = format_number(min(values)), format_number(max(values))
    return f"Credit balance, {span.lower_words}: from {first} to {last}, lowest {low}, highest {high}."
