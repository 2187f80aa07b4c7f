"""Computes how far attributed spending can be off, and which keys cannot be distinguished, without a database.

A call's cost is assumed to scatter as much as it costs. Within each span the shares of several sources are uncertain
relative to one another, because only their sum is seen. So is the cost per call, which was learned from all spans. Work
that may still have been running at the ends of a span belongs to no source for certain. All of this is computed as
variances and covariances of sums, by source.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Generic, TypeVar

from usage.spend.attribution import Attribution, AttributionSpan, Source, UsualCost

# In deviations of the estimate: wide enough to contain the truth in nine cases out of ten.
WIDTH = 2.0
# A figure is doubtful if its range is wider than this share of it, and this many credits.
DOUBTFUL, LEAST_DOUBT = 0.5, 10.0
# Two uncertain figures are merged if the deviation of their sum is below this share of their own.
MERGE_BELOW = 0.5
Name = TypeVar("Name", bound=Hashable)
Matrix = list[list[float]]


@dataclass(frozen=True)
class SpendEstimate(Generic[Name]):
    """The credits that ``names`` spent together: likely ``credits``, at least ``low``, at most ``high``."""

    names: tuple[Name, ...]
    credits: float
    low: float
    high: float


@dataclass(frozen=True)
class Uncertainty(Generic[Source]):
    """The covariance of the shares of ``sources``, and the limits of each whatever the estimate says."""

    sources: list[Source]
    covariance: Matrix
    most: dict[Source, float]
    less: dict[Source, float]
    more: dict[Source, float]


def estimate_uncertainty(
    found: Sequence[AttributionSpan[Source]],
    shares: Attribution[Source],
    most: Mapping[Source, float],
    usual: Mapping[Source, UsualCost] | None = None,
) -> Uncertainty[Source]:
    """Return how far ``shares``, estimated from the same spans, can be off."""
    sources = list(shares.credits)
    scatter = {one: _call_variance(shares.costs.get(one, 0.0), (usual or {}).get(one, UsualCost())) for one in sources}
    watched = [(before, span) for before, span in _with_before(found) if not span.is_gap]
    rows = [_span_fit(span, before, shares, scatter) for before, span in watched]
    rows = [row for row in rows if row.variance > 0]
    scale = _scale(rows, len(sources))
    priors = [_prior_precision(most[one], scatter[one], (usual or {}).get(one, UsualCost())) for one in sources]
    learned = _inverse(_information(rows, priors, shares, scale))
    size = len(sources)
    covariance = [[0.0] * size for _ in sources]
    slopes = [[0.0] * (size + 1) for _ in sources]
    for row in rows:
        for i, number in row.numbers.items():
            part = row.variances[i] / row.variance
            slopes[i][i] += number
            slopes[i][size] -= part * row.seconds
            covariance[i][i] += scale * row.variances[i]
            for j, other in row.numbers.items():
                covariance[i][j] -= scale * part * row.variances[j]
                slopes[i][j] -= part * other
    _add_product(covariance, slopes, learned)
    return Uncertainty(sources, covariance, *_bounds(found, sources, most))


@dataclass(frozen=True)
class _SpanFit:
    """One span: its calls by source number, the variance of each source's share, and of all together."""

    numbers: dict[int, int]
    variances: dict[int, float]
    seconds: float
    variance: float
    missed: float


def _with_before(
    found: Sequence[AttributionSpan[Source]],
) -> Iterator[tuple[AttributionSpan[Source] | None, AttributionSpan[Source]]]:
    if found:
        yield None, found[0]
    yield from pairwise(found)


def _call_variance(cost: float, usual: UsualCost) -> float:
    """Return the variance of one call's cost: from known calls, or else as large as its cost."""
    return (usual.calls * usual.deviation**2 + max(cost, 0.05) ** 2) / (usual.calls + 1)


def _prior_precision(most: float, scatter: float, usual: UsualCost) -> float:
    """Return the prior knowledge of the cost per call, as the inverse of a variance."""
    return 4 / most**2 + usual.calls / scatter


def _span_fit(
    span: AttributionSpan[Source],
    before: AttributionSpan[Source] | None,
    shares: Attribution[Source],
    scatter: Mapping[Source, float],
) -> _SpanFit:
    sources = list(scatter)
    place = {source: i for i, source in enumerate(sources)}
    numbers = {place[source]: number for source, number in span.calls.items() if source in place}
    seconds = span.until - span.since
    quiet = shares.background * seconds
    variances = {i: number * scatter[sources[i]] for i, number in numbers.items()}
    running = [*span.open.items(), *(before.open.items() if before else ())]
    carried = sum(number * (2 * shares.costs.get(source, 0.0)) ** 2 for source, number in running)
    hidden = ((span.less + span.more) / 2) ** 2
    expected = quiet + sum(number * shares.costs[sources[i]] for i, number in numbers.items())
    variance = sum(variances.values()) + quiet**2 + carried + hidden + (0.25 if numbers or span.spent else 0.0)
    return _SpanFit(numbers, variances, seconds, variance, span.spent - expected)


def _scale(rows: Sequence[_SpanFit], size: int) -> float:
    """Return the scatter of the spans relative to the assumed one."""
    misses = [row.missed**2 / row.variance for row in rows if row.numbers]
    return min(4.0, max(1.0, sum(misses) / max(1, len(misses) - size))) if misses else 1.0


def _information(
    rows: Sequence[_SpanFit], priors: Sequence[float], shares: Attribution[Source], scale: float
) -> Matrix:
    """Return the information matrix of the spans about each source's cost per call and, last, the background."""
    size = len(priors)
    matrix = [[0.0] * (size + 1) for _ in range(size + 1)]
    for row in rows:
        counts = {**row.numbers, size: row.seconds}
        for i, number in counts.items():
            for j, other in counts.items():
                matrix[i][j] += number * other / (scale * row.variance)
    for i, prior in enumerate(priors):
        matrix[i][i] += prior
    seconds = sum(row.seconds for row in rows) or 1.0
    spent = sum(shares.credits.values()) + shares.unexplained
    matrix[size][size] += (seconds / max(1.0, spent)) ** 2
    return matrix


def _inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a symmetric positive definite matrix, by elimination."""
    size = len(matrix)
    work = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = work[i][i]
        work[i] = [value / pivot for value in work[i]]
        for j in range(size):
            if j != i and (factor := work[j][i]):
                work[j] = [value - factor * above for value, above in zip(work[j], work[i], strict=True)]
    return [row[size:] for row in work]


def _add_product(covariance: Matrix, slopes: Matrix, learned: Matrix) -> None:
    """Add the effect of the learned costs' own uncertainty on the shares."""
    columns = list(zip(*learned, strict=True))
    through = [[_dot(row, column) for column in columns] for row in slopes]
    for i, row in enumerate(through):
        for j, other in enumerate(slopes):
            covariance[i][j] += _dot(row, other)


def _bounds(
    found: Sequence[AttributionSpan[Source]], sources: Sequence[Source], most: Mapping[Source, float]
) -> tuple[dict[Source, float], dict[Source, float], dict[Source, float]]:
    """Return the most that each source can have spent, and how much less or more by amounts hidden in its spans."""
    highest, less, more = (dict.fromkeys(sources, 0.0) for _ in range(3))
    spent = [max(0.0, span.spent) + span.more for span in found]
    for place, span in enumerate(found):
        # Calls near an end may show in the neighbouring span.
        around = sum(spent[max(0, place - 1) : place + 2])
        for source, number in span.calls.items():
            highest[source] += min(around, number * most[source])
            less[source] += span.less
            more[source] += span.more
    return highest, less, more


def spend_estimates(
    shares: Attribution[Source], doubt: Uncertainty[Source], name_of: Callable[[Source], Name]
) -> list[SpendEstimate[Name]]:
    """Return the estimates of all names, the largest first; names that cannot be distinguished are merged."""
    groups: dict[tuple[Name, ...], list[int]] = {}
    for i, source in enumerate(doubt.sources):
        groups.setdefault((name_of(source),), []).append(i)
    while pair := _least_distinguishable(groups, shares, doubt):
        first, second = pair
        groups[(*first, *second)] = groups.pop(first) + groups.pop(second)
    found = [_spend_estimate(names, members, shares, doubt) for names, members in groups.items()]
    return sorted(found, key=lambda part: -part.credits)


def unexplained_range(credits: float, shares: Attribution[Source], doubt: Uncertainty[Source]) -> tuple[float, float]:  # noqa: A002
    """Return the lowest and highest unexplained credits: the amounts by which the shares may be too high or too low."""
    width = WIDTH * _deviation(range(len(doubt.sources)), doubt)
    return max(0.0, credits - width), min(credits + width, credits + sum(shares.credits.values()))


def _least_distinguishable(
    groups: Mapping[tuple[Name, ...], list[int]], shares: Attribution[Source], doubt: Uncertainty[Source]
) -> tuple[tuple[Name, ...], tuple[Name, ...]] | None:
    """Return the two doubtful groups with the most certain sum relative to their own, if it is certain enough."""
    doubtful = [
        names for names, members in groups.items() if _is_uncertain(_spend_estimate(names, members, shares, doubt))
    ]
    found = None
    surest = MERGE_BELOW
    for i, first in enumerate(doubtful):
        for second in doubtful[i + 1 :]:
            apart = _deviation(groups[first], doubt) + _deviation(groups[second], doubt)
            together = _deviation(groups[first] + groups[second], doubt) / apart if apart else 1.0
            if together < surest:
                surest, found = together, (first, second)
    return found


def _is_uncertain(part: SpendEstimate[Name]) -> bool:
    return part.high - part.low > max(LEAST_DOUBT, DOUBTFUL * part.credits)


def _deviation(members: Sequence[int], doubt: Uncertainty[Source]) -> float:
    return math.sqrt(max(0.0, sum(doubt.covariance[i][j] for i in members for j in members)))


def _spend_estimate(
    names: tuple[Name, ...], members: Sequence[int], shares: Attribution[Source], doubt: Uncertainty[Source]
) -> SpendEstimate[Name]:
    sources = [doubt.sources[i] for i in members]
    likely = sum(shares.credits.get(one, 0.0) for one in sources)
    width = WIDTH * _deviation(members, doubt)
    more = max(doubt.more[one] for one in sources)
    low = likely - width - max(doubt.less[one] for one in sources)
    high = likely + width + more
    everything = sum(shares.credits.values()) + shares.unexplained + more
    most = max(likely, min(everything, sum(doubt.most[one] for one in sources)))
    return SpendEstimate(names, likely, max(0.0, low), min(high, most))


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(mul, left, right)))
