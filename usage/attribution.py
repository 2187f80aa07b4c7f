"""Who spent the credits: an estimate from falls of the balance and paid calls, without a database.

Upstream tells neither what a call costs nor how many contacts it had. But over many spans the falls go along with the
calls: so each source (a key at an endpoint) gets the cost a call under which the falls of all spans are most
likely, beside a steady background for everything that is not in the log. Each fall is then shared out in proportion
(expectation maximization for a sum of Poisson rates). No call gets more than it can cost; what is left over stays
unexplained. What single calls are known to have cost is taken out of the falls first, and those calls with it: only
the rest is estimated.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ROUNDS = 40
Source = TypeVar("Source", bound=Hashable)


@dataclass(frozen=True)
class Fall:
    """What was spent between two readings, net of what came back; moments are seconds since the epoch."""

    since: float
    until: float
    spent: float
    is_gap: bool = False


@dataclass(frozen=True)
class Settled(Generic[Source]):
    """What the work of one call is known to have cost in the end: reserved at ``since``, settled at ``until``."""

    since: float
    until: float
    credits: float
    source: Source


@dataclass
class Span(Generic[Source]):
    """Some falls in a row, and how many paid calls each source made in that time."""

    since: float
    until: float
    spent: float
    calls: Counter[Source] = field(default_factory=Counter)


@dataclass(frozen=True)
class Shares(Generic[Source]):
    """Credits by source, and what no call explains."""

    credits: dict[Source, float]
    unexplained: float


def spans(
    falls: Iterable[Fall], calls: Iterable[tuple[float, Source]], seconds: float
) -> tuple[list[Span[Source]], float]:
    """Return spans of at least ``seconds`` with their calls, and what was spent in gaps, which nobody can share out.

    A span with more coming back than going out is joined to its neighbours: there a reservation ended that began
    before it.
    """
    found: list[Span[Source]] = []
    lost = 0.0
    for fall in falls:
        if fall.is_gap:
            lost += fall.spent
            found.append(Span(fall.until, fall.until, 0.0))
            continue
        last = found[-1] if found else None
        if last is None or (last.until - last.since >= seconds and last.spent >= 0 <= fall.spent):
            found.append(Span(fall.since, fall.until, fall.spent))
        else:
            last.until, last.spent = fall.until, last.spent + fall.spent
    ends = [span.until for span in found]
    for at, source in calls:
        place = bisect_left(ends, at)
        if place < len(found) and at > found[place].since:
            found[place].calls[source] += 1
    return found, lost


def take_out(
    found: Sequence[Span[Source]], lost: float, known: Iterable[Settled[Source]]
) -> tuple[list[Span[Source]], float]:
    """Return spans and what was spent in gaps without what is known: its cost, and the call that made it.

    Spans between a reservation and its settlement are joined, so that the two meet.
    """
    ends = [span.until for span in found]
    reach = list(range(len(found)))
    known_at: defaultdict[int, list[Settled[Source]]] = defaultdict(list)
    for one in known:
        first, last = bisect_left(ends, one.since), bisect_left(ends, one.until)
        if last == len(found) or not all(
            found[place].since < at for place, at in ((first, one.since), (last, one.until))
        ):
            lost -= one.credits  # begun or ended in a gap
            continue
        reach[first] = max(reach[first], last)
        known_at[first].append(one)
    rest: list[Span[Source]] = []
    joined_to = -1
    for place, span in enumerate(found):
        left = Span(span.since, span.until, span.spent, Counter(span.calls))
        for one in known_at[place]:
            left.spent -= one.credits
            left.calls -= Counter([one.source])
        # As among falls: where more came back than went out, neighbours belong together.
        if rest and (place <= joined_to or rest[-1].spent < 0 or left.spent < 0):
            _join(rest[-1], left)
        else:
            rest.append(left)
        joined_to = max(joined_to, reach[place])
    return rest, lost


def _join(span: Span[Source], later: Span[Source]) -> None:
    span.until, span.spent = later.until, span.spent + later.spent
    span.calls.update(later.calls)


def share_out(found: Sequence[Span[Source]], most: Mapping[Source, float]) -> Shares[Source]:
    """Share the spending of all spans out; ``most`` is what one call of each source can cost."""
    live = [span for span in found if span.spent > 0 or span.calls]
    costs, background = _costs(found, live, most)
    shares = dict.fromkeys(costs, 0.0)
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
    return Shares(shares, unexplained)


def _costs(
    found: Sequence[Span[Source]], live: Sequence[Span[Source]], most: Mapping[Source, float]
) -> tuple[dict[Source, float], float]:
    """Return the likeliest cost of one call by source, and the background in credits a second."""
    totals: Counter[Source] = Counter()
    for span in live:
        totals.update(span.calls)
    seconds = sum(span.until - span.since for span in found) or 1.0
    spent = sum(max(0.0, span.spent) for span in live)
    even = spent / (totals.total() or 1)
    costs = {one: min(max(even, 0.01), most[one]) for one in totals}
    background = spent / seconds / 10
    for _ in range(ROUNDS):
        sums, rest = dict.fromkeys(costs, 0.0), 0.0
        for span in live:
            quiet = background * (span.until - span.since)
            expected = quiet + sum(number * costs[one] for one, number in span.calls.items())
            if expected <= 0 or span.spent <= 0:
                continue
            ratio = span.spent / expected
            rest += quiet * ratio
            for one, number in span.calls.items():
                sums[one] += number * costs[one] * ratio
        costs = {one: min(total / totals[one], most[one]) for one, total in sums.items()}
        background = rest / seconds
    return costs, background
