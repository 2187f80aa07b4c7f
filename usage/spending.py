"""Spend by key and by endpoint for a workspace: an estimate, except for what single calls are known to have cost."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from keys.models import ApiKey, LoggedRequest
from usage.attribution import Fall, share_out, spans, take_out
from usage.changes.facts import ZERO
from usage.models import BalanceReading
from usage.ranges import DAY
from usage.settled import BULK, PERSON, settled_of
from workspaces.models import Workspace

# An e-mail costs 1 credit, a phone number 10, both 11, and a bulk request has at most 250 contacts
# (``shared/reference``, "Credits" and "Endpoints"). Paths end so on every surface of the API.
FULL_COST = 11.0
MOST_A_CALL = {BULK: 250 * FULL_COST, PERSON: FULL_COST}
# Bounds the work of one page, whatever the traffic.
LONGEST = 7 * DAY
MOST_CALLS = 20_000
MOST_READINGS = 12_000
SPANS = 500


@dataclass(frozen=True)
class Share:
    """A part of what was spent, of which ``known`` credits are no estimate.

    Without a key or an endpoint it is the part that no call explains.
    """

    credits: Decimal
    percent: float
    known: Decimal = ZERO
    key: ApiKey | None = None
    endpoint: str = ""
    calls: int = 0


@dataclass(frozen=True)
class Spending:
    """Who spent what; ``reason`` says why there is no estimate, else it is empty."""

    since: datetime
    until: datetime
    total: Decimal = ZERO
    by_key: tuple[Share, ...] = ()
    by_endpoint: tuple[Share, ...] = ()
    unexplained: Share | None = None
    known: Decimal = ZERO
    reason: str = ""


def spending(workspace: Workspace, length: timedelta, now: datetime) -> Spending:
    """Estimate who spent what in the last ``length``, a week at most, in six queries."""
    since = now - min(length, LONGEST)
    read_until = _log_read_until(workspace)
    if read_until is None:
        reason = "The request log is not read: it needs a management session, which is entered in the settings."
        return Spending(since, now, reason=reason)
    calls = list(_paid_calls(workspace, since))
    if len(calls) == MOST_CALLS:
        since = calls[-1][0]
    until = min(now, read_until)
    falls = _falls(workspace, since, until)
    return _estimate(workspace, since, until, falls, calls)


def _log_read_until(workspace: Workspace) -> datetime | None:
    polls = workspace.polls.filter(resource="requests", paused_reason="", last_success_at__isnull=False)
    return polls.order_by("-last_success_at").values_list("last_success_at", flat=True).first()


def _paid_calls(workspace: Workspace, since: datetime) -> Iterable[tuple[datetime, UUID, str]]:
    """Return (moment, key, endpoint) of the calls that may have cost something, newest first."""
    log = LoggedRequest.objects.by_customer().filter(key__workspace=workspace, created_at__gte=since)
    rows = log.filter(method="POST", status_code__range=(200, 299)).order_by("-created_at")
    for at, key, path in rows.values_list("created_at", "key_id", "path")[:MOST_CALLS]:
        yield at, key, next((name for name in MOST_A_CALL if path.rstrip("/").endswith(name)), "")


def _falls(workspace: Workspace, since: datetime, until: datetime) -> list[Fall]:
    readings = BalanceReading.objects.of(workspace).filter(read_at__gte=since, first_read_at__lte=until)
    rows = list(readings.with_changes().order_by("-first_read_at")[:MOST_READINGS])[::-1]
    found = [_quiet(rows[0], until)] if rows else []
    for before, row in pairwise(rows):
        spent = float(before.credits - row.credits + row.added)
        found.append(Fall(before.read_at.timestamp(), row.first_read_at.timestamp(), spent, is_gap=row.gap_seconds > 0))
        found.append(_quiet(row, until))
    return found


def _quiet(row: BalanceReading, until: datetime) -> Fall:
    begin = row.first_read_at.timestamp()
    return Fall(begin, max(begin, min(row.read_at, until).timestamp()), 0.0)


def _estimate(
    workspace: Workspace,
    since: datetime,
    until: datetime,
    falls: list[Fall],
    calls: list[tuple[datetime, UUID, str]],
) -> Spending:
    paid = [(at, (key, endpoint)) for at, key, endpoint in reversed(calls) if endpoint]
    begin = datetime.fromtimestamp(falls[0].since, UTC) if falls else since
    seconds = max(60.0, (until - since).total_seconds() / SPANS)
    found, lost = spans(falls, ((at.timestamp(), source) for at, source in paid), seconds)
    made: Counter[tuple[UUID, str]] = Counter()
    for span in found:
        made.update(span.calls)
    settled = settled_of(workspace, begin, until, [call for call in paid if call[0] > begin]) if found else []
    rest, lost = take_out(found, lost, settled)
    shares = share_out(rest, {source: MOST_A_CALL[source[1]] for _, source in paid})
    known: defaultdict[tuple[UUID, str], float] = defaultdict(float)
    for one in settled:
        known[one.source] += one.credits
    unexplained = shares.unexplained + max(0.0, lost)
    total = sum(shares.credits.values()) + sum(known.values()) + unexplained
    keys = ApiKey.objects.of(workspace).in_bulk({source[0] for source in {**made, **known}})
    by_key, by_endpoint = _Table(total), _Table(total)
    for source in {**made, **known}:
        part = shares.credits.get(source, 0.0), known[source], made[source]
        by_key.add(source[0], *part)
        by_endpoint.add(source[1], *part)
    return Spending(
        max(since, begin),
        until,
        _rounded(total),
        tuple(replace(row, key=keys.get(name)) for name, row in by_key.rows()),
        tuple(replace(row, endpoint=str(name)) for name, row in by_endpoint.rows()),
        _share(unexplained, total),
        _rounded(sum(known.values())),
    )


class _Table:
    """Sums by name, to be shown as parts of a total."""

    def __init__(self, total: float) -> None:
        self.total = total
        self.spent: defaultdict[UUID | str, float] = defaultdict(float)
        self.known: defaultdict[UUID | str, float] = defaultdict(float)
        self.calls: Counter[UUID | str] = Counter()

    def add(self, name: UUID | str, estimated: float, known: float, calls: int) -> None:
        self.spent[name] += estimated + known
        self.known[name] += known
        self.calls[name] += calls

    def rows(self) -> list[tuple[UUID | str, Share]]:
        most_first = sorted(self.spent.items(), key=lambda item: -item[1])
        return [(name, _share(amount, self.total, self.calls[name], self.known[name])) for name, amount in most_first]


def _share(amount: float, total: float, calls: int = 0, known: float = 0.0) -> Share:
    percent = 100 * amount / total if total else 0.0
    return Share(_rounded(amount), percent, _rounded(known), calls=calls)


def _rounded(value: float) -> Decimal:
    return Decimal(round(value))
