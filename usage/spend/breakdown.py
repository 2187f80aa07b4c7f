"""A workspace's spending by key and by endpoint: exact if the cost of single calls is known, otherwise a range."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil, floor, inf
from statistics import fmean, pstdev, quantiles
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import F

from keys.models import ApiKey, LoggedRequest, mark_namesakes
from usage.changes.evidence import PAID, log_read_until
from usage.changes.types import ZERO, Certainty
from usage.models import BalanceReading
from usage.page.ranges import DAY
from usage.spend.attribution import (
    Attribution,
    BalanceFall,
    KnownCost,
    UsualCost,
    attribute,
    build_spans,
    subtract_known,
)
from usage.spend.intervals import SpendEstimate, Uncertainty, estimate_uncertainty, spend_estimates, unexplained_range
from usage.spend.known_costs import LoggedCall, Source, known_costs
from workspaces.models import Workspace

# The highest cost of one call, by the end of its path in every API version.
MOST_A_CALL = {name: float(most) for name, most in PAID.items()}
# What they do, in words.
CALLS = {
    "enrich/bulk": "bulk enrichment",
    "enrichment/person": "person enrichment",
    "enrichment/company": "company enrichment",
    "enrichment/by-task": "enrichment of search results",
    "enrichment/bulk": "enrichment of a list",
    "csv-import": "CSV import with enrichment",
    "smart-agents/run": "smart agent",
}
# Limits the work of one page, whatever the traffic.
LONGEST = 7 * DAY
MOST_CALLS = 20_000
MOST_READINGS = 12_000
SPANS = 500
# The duration of an enrichment in seconds, if none is known.
USUAL_SECONDS = 60.0
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class SpendShare:
    """A share of the spending: likely ``credits``, at least ``low`` and at most ``high``; ``known`` is the exact part.

    Several keys or endpoints are listed if they cannot be distinguished. Without any, it is the unexplained rest.
    """

    credits: Decimal
    percent: float
    known: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO
    keys: tuple[ApiKey, ...] = ()
    endpoints: tuple[str, ...] = ()
    calls: int = 0

    @property
    def names(self) -> str:
        """Return the keys' names."""
        return ", ".join(key.label for key in self.keys)

    @property
    def named_endpoints(self) -> list[tuple[str, str]]:
        """Return each endpoint with what its calls do; empty for one that isn't known."""
        return [(name, CALLS.get(name, "")) for name in self.endpoints]

    @property
    def is_group(self) -> bool:
        """Return whether it combines several keys or endpoints."""
        return len(self.keys) + len(self.endpoints) > 1

    @property
    def is_range(self) -> bool:
        """Return whether the figure is an estimate."""
        return self.low != self.high


@dataclass(frozen=True)
class SpendBreakdown:
    """Who spent what; ``reason`` says why there is no estimate, or is empty."""

    since: datetime
    until: datetime
    total: Decimal = ZERO
    by_key: tuple[SpendShare, ...] = ()
    by_endpoint: tuple[SpendShare, ...] = ()
    unexplained: SpendShare | None = None
    known: Decimal = ZERO
    reason: str = ""

    @property
    def is_exact(self) -> bool:
        """Return whether all figures are exact."""
        return not any(share.is_range for share in self.by_key)


def spend_breakdown(workspace: Workspace, length: timedelta, now: datetime) -> SpendBreakdown:
    """Return who spent what in the last ``length``, at most a week, in six queries."""
    since = now - min(length, LONGEST)
    read_until = log_read_until(workspace)
    if read_until is None:
        reason = "The request log is not read: it needs a management session, which is entered in the settings."
        return SpendBreakdown(since, now, reason=reason)
    calls = list(_paid_calls(workspace, since))[::-1]
    if len(calls) == MOST_CALLS:
        since = calls[0].at
    falls = _falls(workspace, since, now, min(now, read_until))
    return _estimate(workspace, since, now, falls, [call for call in calls if call.at <= read_until])


def _paid_calls(workspace: Workspace, since: datetime) -> Iterable[LoggedCall]:
    """Return the calls that may have cost something, newest first."""
    log = LoggedRequest.objects.of(workspace).by_customer().filter(created_at__gte=since)
    rows = log.filter(method="POST", status_code__range=(200, 299)).order_by("-created_at")
    for at, key, path, took in rows.values_list("created_at", "key_id", "path", "duration_ms")[:MOST_CALLS]:
        bare = path.partition("?")[0].rstrip("/")
        name = next((name for name in MOST_A_CALL if bare.endswith(f"/{name}")), None)
        if name:
            yield LoggedCall(at, (key, name), timedelta(milliseconds=took or 0))


class _Reading(NamedTuple):
    """The columns of a reading and of the change before it that matter here."""

    first_read_at: datetime
    read_at: datetime
    credits: Decimal
    gap_seconds: int
    topped_up: Decimal
    added: Decimal
    top_up_low: Decimal
    top_up_high: Decimal
    certainty: str
    mark: str


def _falls(workspace: Workspace, since: datetime, until: datetime, log_until: datetime) -> list[BalanceFall]:
    """Return the falls; what was spent after the log was read, no call explains yet, as in a gap."""
    readings = BalanceReading.objects.of(workspace).filter(read_at__gte=since, first_read_at__lte=until)
    ranges = {name: F(f"change__{name}") for name in ("top_up_low", "top_up_high", "certainty", "mark")}
    newest_first = readings.with_changes().annotate(**ranges).order_by("-first_read_at")
    rows = [_Reading(*row) for row in newest_first.values_list(*_Reading._fields)[:MOST_READINGS]][::-1]
    found = [_interval_without_change(rows[0], log_until)] if rows else []
    for before, row in pairwise(rows):
        spent = float(before.credits - row.credits + row.added)
        is_uncertain = row.certainty == Certainty.UNCERTAIN and not row.mark
        less = float(row.topped_up - row.top_up_low) if is_uncertain else 0.0
        more = float(row.top_up_high - row.topped_up) if is_uncertain else 0.0
        is_gap = row.gap_seconds > 0 or row.first_read_at > log_until
        found.append(BalanceFall(before.read_at.timestamp(), row.first_read_at.timestamp(), spent, is_gap, less, more))
        found.append(_interval_without_change(row, log_until))
    return found


def _interval_without_change(row: _Reading, until: datetime) -> BalanceFall:
    begin = row.first_read_at.timestamp()
    return BalanceFall(begin, max(begin, min(row.read_at, until).timestamp()), 0.0)


def _estimate(
    workspace: Workspace, since: datetime, until: datetime, falls: list[BalanceFall], calls: Sequence[LoggedCall]
) -> SpendBreakdown:
    begin = max(since, datetime.fromtimestamp(falls[0].since, UTC)) if falls else since
    calls = [call for call in calls if call.at > begin] if falls else []
    settled = known_costs(workspace, begin, until, calls)
    unknown = Counter((call.at.timestamp(), call.source) for call in calls)
    unknown.subtract((one.called, one.source) for one in settled)
    seconds = max(60.0, (until - since).total_seconds() / SPANS)
    found, lost = build_spans(subtract_known(falls, settled), sorted(unknown.elements()), seconds, _takes(settled))
    most = {call.source: MOST_A_CALL[call.source[1]] for call in calls}
    usual = _usual(settled)
    shares = attribute(found, most, usual)
    doubt = estimate_uncertainty(found, shares, most, usual)
    table = _SourceTable(Counter(call.source for call in calls), settled, shares, doubt)
    keys = ApiKey.objects.of(workspace).in_bulk({key for key, _ in most})
    mark_namesakes(keys.values())
    unexplained = shares.unexplained + max(0.0, lost)
    total = unexplained + sum(shares.credits.values()) + sum(one.credits for one in settled)
    return SpendBreakdown(
        begin,
        until,
        _rounded(total),
        tuple(_named(table.rows(lambda source: source[0], total), keys)),
        tuple(replace(row, endpoints=names) for names, row in table.rows(lambda source: source[1], total)),
        _unexplained(unexplained, shares, doubt, total),
        _rounded(sum(one.credits for one in settled)),
    )


def _unexplained(credits: float, shares: Attribution[Source], doubt: Uncertainty[Source], total: float) -> SpendShare:  # noqa: A002
    low, high = unexplained_range(credits, shares, doubt)
    return _share(SpendEstimate((), credits, low, high), {}, {}, total)


def _usual(settled: Iterable[KnownCost[Source]]) -> dict[Source, UsualCost]:
    """Return the cost of each source's known calls, without running ones."""
    costs: defaultdict[Source, list[float]] = defaultdict(list)
    for one in settled:
        if one.until < inf:
            costs[one.source].append(one.credits)
    return {source: UsualCost(len(found), fmean(found), pstdev(found)) for source, found in costs.items()}


def _takes(settled: Iterable[KnownCost[Source]]) -> float:
    """Return the seconds within which nine in ten enrichments finish, from those with known durations."""
    known = [one.until - one.since for one in settled if one.since < one.ended == one.until]
    return max(10.0, quantiles(known, n=10)[-1]) if len(known) > 1 else USUAL_SECONDS


def _named(rows: Iterable[tuple[tuple[UUID, ...], SpendShare]], keys: Mapping[UUID, ApiKey]) -> Iterable[SpendShare]:
    for names, row in rows:
        yield replace(row, keys=tuple(keys[name] for name in names if name in keys))


@dataclass(frozen=True)
class _SourceTable:
    """Known and estimated spending of each source, to be added up by key or by endpoint."""

    calls: Counter[Source]
    settled: Sequence[KnownCost[Source]]
    shares: Attribution[Source]
    doubt: Uncertainty[Source]

    def rows(self, name_of: Callable[[Source], Name], total: float) -> list[tuple[tuple[Name, ...], SpendShare]]:
        """Return a row for each name, or for a group that cannot be distinguished, the largest first."""
        known: defaultdict[Name, float] = defaultdict(float)
        calls: Counter[Name] = Counter()
        for one in self.settled:
            known[name_of(one.source)] += one.credits
        for source, number in self.calls.items():
            calls[name_of(source)] += number
        found = spend_estimates(self.shares, self.doubt, name_of)
        estimated = {name for part in found for name in part.names}
        found += [SpendEstimate((name,), 0.0, 0.0, 0.0) for name in calls if name not in estimated]
        rows = [(part.names, _share(part, known, calls, total)) for part in found]
        return sorted(rows, key=lambda row: -row[1].credits)


def _share(
    part: SpendEstimate[Name], known: Mapping[Name, float], calls: Mapping[Name, int], total: float
) -> SpendShare:
    exact = sum(known[name] for name in part.names)
    credits, low, high = (exact + value for value in (part.credits, part.low, part.high))  # noqa: A001
    return SpendShare(
        _rounded(credits),
        _percent(credits, total),
        _rounded(exact),
        _rounded(credits) if high - low < 1 else Decimal(floor(low)),
        _rounded(credits) if high - low < 1 else Decimal(ceil(high)),
        calls=sum(calls[name] for name in part.names),
    )


def _percent(amount: float, total: float) -> float:
    return 100 * amount / total if total else 0.0


def _rounded(value: float) -> Decimal:
    return Decimal(round(value))
