"""A chart as its template draws it: layers of paths, marks, thresholds, and what the read-out says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from django.utils.text import Truncator

from core.charts.plot import Plot
from core.formatting import format_time

MarkKind = Literal["top-up", "created", "revoked", "alert"]
# In the order of the legend, and of their weight where several are drawn as one.
MARK_LABELS: dict[MarkKind, str] = {
    "alert": "Alert",
    "top-up": "Top-up",
    "created": "Key created",
    "revoked": "Key revoked",
}
# Marks nearer to each other than this share of the width are drawn as one.
NEAR = 0.03
# The label of a mark takes this share of the width, that of a threshold so many pixels.
LABEL_WIDTH, LABEL_HEIGHT = 0.08, 15
# The read-out has room for so many marks at a point, and so many characters of each.
MOST_SAID, MOST_CHARACTERS = 2, 48


@dataclass(frozen=True)
class Layer:
    """A path and the class that draws it."""

    css: str
    path: str


@dataclass(frozen=True)
class Point:
    """A place where the cursor stops: the read-out's text, and the height of the dot (None where there is no value)."""

    at: datetime
    text: str
    value: float | None = None


@dataclass(frozen=True)
class Mark:
    """Something that happened at a time; ``label`` is printed beside it where there is room.

    ``others`` are those near it, which are drawn as this one.
    """

    at: datetime
    kind: MarkKind
    text: str
    label: str = ""
    percent: float = 0.0
    others: Sequence["Mark"] = ()

    @property
    def all(self) -> list["Mark"]:
        """Return this mark and the others, the weightiest first."""
        return sorted([self, *self.others], key=_weight)


@dataclass(frozen=True)
class Threshold:
    """A horizontal line; those right below another share its label."""

    value: float
    text: str
    y: float = 0.0


@dataclass(frozen=True)
class LegendItem:
    """An entry of the legend: the class of its swatch or the kind of its mark."""

    text: str
    css: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with its read-out. ``words`` describe it in a sentence; ``name`` is unique on its page.

    ``zoom_url`` is where a selected range leads; it holds START and END. ``edges`` are the times that selections snap
    to, and between which a bar under the pointer is a link. ``latest`` is what the read-out says while nobody points at
    anything.
    """

    name: str
    title: str
    words: str
    plot: Plot
    layers: Sequence[Layer]
    points: Sequence[Point]
    gaps: str = ""
    marks: Sequence[Mark] = ()
    thresholds: Sequence[Threshold] = ()
    legend: Sequence[LegendItem] = ()
    edges: Sequence[datetime] = ()
    now: datetime | None = None
    zoom_url: str = ""
    latest: str = ""
    dot: tuple[float, float] | None = None

    @property
    def data_points(self) -> str:
        """Return the points for the script, a line each: x in thousandths, y in pixels or "-", text."""
        return "\n".join(self._line(point, text) for point, text in self._texts())

    @property
    def data_edges(self) -> str:
        return " ".join(f"{at.timestamp():.0f}" for at in self.edges)

    @property
    def now_percent(self) -> float:
        """Return where the history ends and the forecast begins."""
        return self.plot.percent(self.now) if self.now else 100.0

    @property
    def begin_seconds(self) -> int:
        return round(self.plot.begin.timestamp())

    @property
    def end_seconds(self) -> int:
        return round(self.plot.end.timestamp())

    @property
    def threshold_words(self) -> str:
        """Return the labels of all thresholds, for charts too narrow to have them beside their lines."""
        return ", ".join(one.text for one in self.thresholds if one.text)

    @property
    def full_legend(self) -> list[LegendItem]:
        """Return the legend with the kinds of marks that the chart has."""
        kinds = {one.kind for mark in self.marks for one in mark.all}
        return [*self.legend, *(LegendItem(text, mark=kind) for kind, text in MARK_LABELS.items() if kind in kinds)]

    def _line(self, point: Point, text: str) -> str:
        y = "-" if point.value is None else f"{self.plot.y(point.value):g}"
        return f"{self.plot.x(point.at):g} {y} {text}"

    def _texts(self) -> Iterable[tuple[Point, str]]:
        """Yield each point with its text and that of the marks which are nearest to it."""
        said: dict[int, list[Mark]] = {}
        for mark in self.marks:
            distances = [abs(point.at - mark.at) for point in self.points]
            if distances:
                said.setdefault(distances.index(min(distances)), []).extend(mark.all)
        for place, point in enumerate(self.points):
            texts = [point.text, *_said(said[place])] if place in said else [point.text]
            yield point, " · ".join(texts).replace("\n", " ")


def _weight(mark: Mark) -> int:
    return list(MARK_LABELS).index(mark.kind)


def _said(marks: Iterable[Mark]) -> list[str]:
    """Return what the read-out says of marks, weightiest first: equal ones once, long ones cut, the rest counted."""
    counts = Counter(mark.text for mark in sorted(marks, key=_weight))
    shown = list(counts.items())[:MOST_SAID]
    rest = counts.total() - sum(count for _, count in shown)
    said = [(Truncator(text).chars(MOST_CHARACTERS), count) for text, count in shown]
    texts = [f"{text} ({count} times)" if count > 1 else text for text, count in said]
    return [*texts, f"and {rest} more"] if rest else texts


def joined_marks(marks: Iterable[Mark], plot: Plot) -> list[Mark]:
    """Return the marks within the plot, oldest first; of several that are near each other the weightiest names all."""
    found: list[Mark] = []
    for mark in sorted(marks, key=lambda one: one.at):
        if not plot.begin <= mark.at <= plot.end:
            continue
        placed = replace(mark, percent=plot.percent(mark.at))
        if found and placed.percent - found[-1].percent < 100 * NEAR:
            found[-1] = _joined(found[-1], placed)
        else:
            found.append(placed)
    return [_labeled(one, found[place + 1 : place + 2]) for place, one in enumerate(found)]


def _joined(before: Mark, mark: Mark) -> Mark:
    """Return the weightier mark with the other as one of its own, and with a label of either."""
    ahead, behind = sorted([before, mark], key=_weight)
    others = [*ahead.others, replace(behind, others=()), *behind.others]
    return replace(ahead, others=others, label=before.label or mark.label)


def _labeled(mark: Mark, following: Sequence[Mark]) -> Mark:
    """Return the mark with its label, or else the number of joined marks, if that fits before the next mark."""
    limit = following[0].percent if following else 100.0
    has_room = limit - mark.percent > 100 * LABEL_WIDTH
    number = f"{len(mark.others) + 1}" if mark.others else ""
    return replace(mark, label=(mark.label or number) if has_room else "")


def placed_thresholds(thresholds: Iterable[Threshold], plot: Plot) -> list[Threshold]:
    """Return the thresholds on the axis, highest first, with their places."""
    found: list[Threshold] = []
    head = 0
    inside = [one for one in thresholds if plot.axis.low <= one.value <= plot.axis.high]
    for place, one in enumerate(sorted(inside, key=lambda one: -one.value)):
        placed = replace(one, y=plot.y(one.value))
        if found and placed.y - found[-1].y < LABEL_HEIGHT:
            found[head] = replace(found[head], text=f"{found[head].text}, {one.text}")
            placed = replace(placed, text="")
        else:
            head = place
        found.append(placed)
    return found


def runs_of(values: Sequence[tuple[datetime, float | None]]) -> list[list[tuple[datetime, float]]]:
    """Divide values into runs between those that are missing."""
    runs: list[list[tuple[datetime, float]]] = [[]]
    for at, value in values:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def gap_text(since: datetime, until: datetime) -> str:
    """Return what the read-out says of a time without data."""
    return f"No data from {format_time(since)} to {format_time(until)}"


def gaps_between(runs: Sequence[Sequence[tuple[datetime, float]]]) -> list[tuple[datetime, datetime]]:
    """Return the times between runs."""
    return [(before[-1][0], after[0][0]) for before, after in pairwise(runs)]
