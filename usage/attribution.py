"""Who spent the credits: an estimate from falls of the balance and paid calls, without a database.

Upstream tells neither what a call costs nor how many contacts it had. But over many spans the falls go along with the
calls: so each source (a key at an endpoint) gets the cost a call under which the falls of all spans are most
likely, beside a steady background for everything that is not in the log. Each fall is then shared out in proportion
(expectation maximization for a sum of Poisson rates). No call gets more than it can cost; what is left over stays
unexplained.
"""

from bisect import bisect_left
from collections import Counter
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
