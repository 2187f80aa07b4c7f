"""Estimates who spent the credits, from falls of the balance and paid calls, without a database.

Upstream reports neither what a call costs nor how many contacts it had. But over many spans, falls correlate with
calls: so each source (a key at an endpoint) gets the cost per call that makes the falls of all spans most likely, in
addition to a steady background for everything outside the log. Each fall is then divided in proportion (expectation
maximization for a sum of Poisson rates). No call gets more than it can cost; the rest stays unexplained. Known costs of
single calls are subtracted from the falls first, together with those calls, so that only the rest is estimated.
``usage.spend.intervals`` computes how far the estimate can be off.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

ITERATIONS = 40
# A span without a quiet time ends after this many durations of an enrichment.
PATIENCE = 10
Source = TypeVar("Source", bound=Hashable)


@dataclass(frozen=True)
class BalanceFall:
    """The spending between two readings, net of what came back; times are seconds since the epoch.

    It was between ``spent - less`` and ``spent + more``, as it may hide a top-up.
    """

    since: float
    until: float
    spent: float
    is_gap: bool = False
    less: float = 0.0
    more: float = 0.0


@dataclass(frozen=True)
class KnownCost(Generic[Source]):
    """The known cost of one call's work: reserved at ``since``, settled after ``ended`` and by ``until``.

    While it runs, ``until`` is infinite and ``credits`` are 0. ``reserved`` is what it took at first, ``called`` is the
    call's time in the log.
    """

    since: float
    until: float
    credits: float
    source: Source
    reserved: float = 0.0
    ended: float = 0.0
    called: float = 0.0


@dataclass
class AttributionSpan(Generic[Source]):
    """Consecutive falls, each source's number of paid calls in that time, and how many may still have been running."""

    since: float
    until: float
    spent: float
    calls: Counter[Source] = field(default_factory=Counter)
    open: Counter[Source] = field(default_factory=Counter)
    less: float = 0.0
    more: float = 0.0
    is_gap: bool = False


@dataclass(frozen=True)
class UsualCost:
    """The known average cost of a number of a source's calls, with its deviation, in credits."""

    calls: int = 0
    cost: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True)
class Attribution(Generic[Source]):
    """Credits by source, the unexplained rest, the likeliest cost per call, and the background per second."""

    credits: dict[Source, float]
    unexplained: float
    costs: dict[Source, float] = field(default_factory=dict)
    background: float = 0.0


def subtract_known(falls: Sequence[BalanceFall], known: Iterable[KnownCost[Source]]) -> list[BalanceFall]:
    """Return the falls without the ``known`` reservations and returns, each subtracted from the best fitting fall.

    Reservations or returns before or after the falls are left out, as the falls do not show them.
    """
    rest = [fall.spent for fall in falls]
    ends = [fall.until for fall in falls]
    halves = [(one.since, one.since, max(one.reserved, one.credits)) for one in known]
    halves += [(max(one.since, one.ended), one.until, one.credits - max(one.reserved, one.credits)) for one in known]
    # Those with an exact time come first.
    for earliest, latest, taken in sorted(halves, key=lambda half: (half[1] > half[0], half[0])):
        if (
            taken
            and latest < math.inf
            and (place := _best_fall(falls, rest, ends, (earliest, latest, taken))) is not None
        ):
            rest[place] -= taken
    return [replace(fall, spent=left) for fall, left in zip(falls, rest, strict=True)]


def _best_fall(
    falls: Sequence[BalanceFall], rest: Sequence[float], ends: Sequence[float], half: tuple[float, float, float]
) -> int | None:
    earliest, latest, taken = half
    if not falls or latest <= falls[0].since or earliest > ends[-1]:
        return None
    first = bisect_left(ends, earliest)
    last = min(bisect_left(ends, latest), len(falls) - 1)
    likeliest = bisect_left(ends, earliest)
    sign = 1 if taken > 0 else -1
    return max(
        range(first, last + 1),
        key=lambda place: (round(min(sign * rest[place], abs(taken)), 4), -abs(place - likeliest)),
    )


def build_spans(
    falls: Iterable[BalanceFall], calls: Sequence[tuple[float, Source]], seconds: float, takes: float = 0.0
) -> tuple[list[AttributionSpan[Source]], float]:
    """Return spans of at least ``seconds`` with their calls, and the spending in gaps, which cannot be attributed.

    An enrichment takes up to ``takes`` seconds. A span ends when none can be running, because the reservation of a
    running one comes back later. If there is never such a time, it still ends after a while.
    """
    found: list[AttributionSpan[Source]] = []
    times = [at for at, _ in calls]
    lost = 0.0
    for fall in falls:
        if fall.is_gap:
            lost += fall.spent
            found.append(AttributionSpan(fall.since, fall.until, 0.0, more=max(0.0, fall.spent), is_gap=True))
        elif found and not _ends(found[-1], fall, seconds, takes, times):
            last = found[-1]
            last.until, last.spent = fall.until, last.spent + fall.spent
            last.less, last.more = last.less + fall.less, last.more + fall.more
        else:
            found.append(AttributionSpan(fall.since, fall.until, fall.spent, less=fall.less, more=fall.more))
    _assign_calls(found, calls, takes)
    return found, lost


def _ends(
    span: AttributionSpan[Source], fall: BalanceFall, seconds: float, takes: float, times: Sequence[float]
) -> bool:
    """Return whether ``span`` ends before ``fall``."""
    if span.is_gap:
        return True
    length = span.until - span.since
    if length < seconds or span.spent < 0 or fall.spent < 0:
        return False
    running = bisect_left(times, span.until) - bisect_left(times, span.until - takes)
    return running == 0 or length >= max(seconds, PATIENCE * takes)


def _assign_calls(
    found: Sequence[AttributionSpan[Source]], calls: Iterable[tuple[float, Source]], takes: float
) -> None:
    ends = [span.until for span in found]
    for at, source in calls:
        place = bisect_left(ends, at)
        if place < len(found) and at > found[place].since:
            found[place].calls[source] += 1
            if at > found[place].until - takes:
                found[place].open[source] += 1


def attribute(
    found: Sequence[AttributionSpan[Source]],
    most: Mapping[Source, float],
    usual: Mapping[Source, UsualCost] | None = None,
) -> Attribution[Source]:
    """Attribute spending to sources; ``most`` is the highest cost of a call of each, ``usual`` the known cost."""
    usual = usual or {}
    watched = [span for span in found if not span.is_gap]
    live = [span for span in watched if span.spent > 0 or span.calls]
    costs, background = _fit_costs(watched, live, most, usual)
    shares = {one: 0.0 for span in found for one in span.calls}
    unexplained = 0.0
    for span in live:
        spent = max(0.0, span.spent)
        expected = background * (span.until - span.since) + sum(n * costs[one] for one, n in span.calls.items())
        given = 0.0
        for one, number in span.calls.items():
            part = min(spent * number * costs[one] / expected, number * most[one]) if expected else 0.0
            shares[one] += part
            given += part
        unexplained += spent - given
    return Attribution(shares, unexplained, costs, background)


def _fit_costs(
    found: Sequence[AttributionSpan[Source]],
    live: Sequence[AttributionSpan[Source]],
    most: Mapping[Source, float],
    usual: Mapping[Source, UsualCost],
) -> tuple[dict[Source, float], float]:
    """Return the likeliest cost per call by source, and the background in credits per second."""
    totals: Counter[Source] = Counter()
    for span in live:
        totals.update(span.calls)
    seconds = sum(span.until - span.since for span in found) or 1.0
    spent = sum(max(0.0, span.spent) for span in live)
    even = spent / (totals.total() or 1)
    # By place and not by source, whose hash is slow, as this is repeated for every span in each iteration.
    places = {source: place for place, source in enumerate(totals)}
    limits = [(totals[one], usual.get(one, UsualCost()), most[one]) for one in totals]
    costs = [min(max(even, 0.01), most[one]) for one in totals]
    background = spent / seconds / 10
    rows = [
        (span.until - span.since, span.spent, [(places[one], number) for one, number in span.calls.items()])
        for span in live
        if span.spent > 0
    ]
    for _ in range(ITERATIONS):
        sums, rest = [0.0] * len(costs), 0.0
        for length, fallen, calls in rows:
            quiet = expected = background * length
            for place, number in calls:
                expected += number * costs[place]
            if expected > 0:
                ratio = fallen / expected
                rest += quiet * ratio
                for place, number in calls:
                    sums[place] += number * costs[place] * ratio
        costs = [
            min(_mean(total, number, known), limit) for total, (number, known, limit) in zip(sums, limits, strict=True)
        ]
        background = rest / seconds
    return dict(zip(totals, costs, strict=True)), background


def _mean(total: float, calls: int, usual: UsualCost) -> float:
    """Return the cost per call from the ``calls`` with attributed credits and from those with known costs."""
    return (total + usual.calls * usual.cost) / (calls + usual.calls)
