"""Charts of bins: stacked counts by class, and values that are known for some bins only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.charts.chart import Chart, Layer, LegendItem, Point, runs_of
from core.charts.plot import Plot
from core.charts.value_axis import ValueAxis
from core.formatting import counted, format_number, format_time

HEIGHT = 110


@dataclass(frozen=True)
class CountBin:
    """The counts by class from ``since`` until before ``until``; ``url`` leads to what is counted, for a table."""

    since: datetime
    until: datetime
    counts: Mapping[int, int]
    url: str = ""

    @property
    def times(self) -> str:
        return f"{format_time(self.since)} to {format_time(self.until)}"


@dataclass(frozen=True)
class Series:
    """Values by bin, None where unknown; ``css`` sets the line apart, ``swatch`` its legend."""

    label: str
    values: Sequence[float | None]
    css: str = "chart__line"
    swatch: str = "chart__bar"


def counts_chart(
    name: str, title: str, bins: Sequence[CountBin], classes: Mapping[int, str], *, unit: str, zoom_url: str = ""
) -> Chart:
    """Return the chart of at least one bin, stacked in the order of ``classes``; those without a count are left out."""
    present = {number: label for number, label in classes.items() if any(one.counts.get(number) for one in bins)}
    totals = [sum(one.counts.values()) for one in bins]
    plot = Plot(bins[0].since, bins[-1].until, ValueAxis.around([0, *totals]), HEIGHT)
    return Chart(
        name=name,
        title=title,
        words=f"{title}: {counted(sum(totals), unit)}, at most {counted(max(totals), unit)} at once.",
        plot=plot,
        layers=_stacked(plot, bins, list(present)),
        points=[
            Point(_middle(one), _words(one, total, present, unit), total)
            for one, total in zip(bins, totals, strict=True)
        ],
        legend=[LegendItem(label, _bar_class(number)) for number, label in present.items()] if len(present) > 1 else [],
        edges=[*(one.since for one in bins), bins[-1].until],
        zoom_url=zoom_url,
    )


def lines_chart(name: str, title: str, bins: Sequence[CountBin], series: Sequence[Series], *, unit: str) -> Chart:
    """Return the chart of one value a bin in each of ``series``; lines are not drawn across bins without a value."""
    known = [value for one in series for value in one.values if value is not None]
    plot = Plot(bins[0].since, bins[-1].until, ValueAxis.around([0.0, *known]), HEIGHT)
    points = [
        Point(_middle(one), _values_words(one, series, place, unit), series[0].values[place])
        for place, one in enumerate(bins)
    ]
    return Chart(
        name=name,
        title=title,
        words=f"{title}: {', '.join(_range_words(one, unit) for one in series)}.",
        plot=plot,
        layers=[
            Layer(one.css, plot.line_path(runs_of(list(zip(map(_middle, bins), one.values, strict=True)))))
            for one in series
        ],
        points=points,
        legend=[LegendItem(one.label, one.swatch) for one in series],
    )


def _stacked(plot: Plot, bins: Sequence[CountBin], numbers: Sequence[int]) -> list[Layer]:
    """Return one path for each class, so that a chart has few nodes however many bins it has."""
    paths: dict[int, list[str]] = {number: [] for number in numbers}
    for one in bins:
        base = 0
        for number in numbers:
            top = base + one.counts.get(number, 0)
            paths[number].append(plot.bar(one.since, one.until, base, top))
            base = top
    return [Layer(_bar_class(number), "".join(parts)) for number, parts in paths.items()]


def _bar_class(number: int) -> str:
    return f"chart__bar chart__bar--{number}"


def _middle(one: CountBin) -> datetime:
    return one.since + (one.until - one.since) / 2


def _words(one: CountBin, total: int, present: Mapping[int, str], unit: str) -> str:
    parts = [f"{one.counts[number]:,} {label.lower()}" for number, label in present.items() if one.counts.get(number)]
    return f"{one.times}: {counted(total, unit)}" + (f" ({', '.join(parts)})" if len(present) > 1 and parts else "")


def _values_words(one: CountBin, series: Sequence[Series], place: int, unit: str) -> str:
    known = [(each.label, each.values[place]) for each in series]
    parts = [f"{label} {format_number(round(value))} {unit}" for label, value in known if value is not None]
    return f"{one.times}: {', '.join(parts) if parts else 'No data'}"


def _range_words(one: Series, unit: str) -> str:
    known = [round(value) for value in one.values if value is not None]
    return f"{one.label} {min(known):,} to {max(known):,} {unit}" if known else f"{one.label} unknown"
