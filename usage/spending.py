"""Spend by key and by endpoint for a workspace: always an estimate."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from keys.models import ApiKey, LoggedRequest
from usage.attribution import Fall, share_out, spans
from usage.models import BalanceReading
from usage.ranges import DAY
from usage.readings import ZERO
from workspaces.models import Workspace

# An e-mail costs 1 credit, a phone number 10, both 11, and a bulk request has at most 250 contacts
# (``shared/reference``, "Credits" and "Endpoints"). Paths end so on every surface of the API.
FULL_COST = 11.0
MOST_A_CALL = {"enrich/bulk": 250 * FULL_COST, "enrichment/person": FULL_COST}
# Bounds the work of one page, whatever the traffic.
LONGEST = 7 * DAY
MOST_CALLS = 20_000
MOST_READINGS = 12_000
SPANS = 500


@dataclass(frozen=True)
class Share:
    """An estimated part of what was spent. Without a key or an endpoint it is the part that no call explains."""

    credits: Decimal
    percent: float
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
    reason: str = ""


def spending(workspace: Workspace, length: timedelta, now: datetime) -> Spending:
    """Estimate who spent what in the last ``length``, a week at most, in four queries."""
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
    rows = list(readings.order_by("-first_read_at")[:MOST_READINGS])[::-1]
    found = [_quiet(rows[0], until)] if rows else []
    for before, row in pairwise(rows):
        spent = float(before.credits - row.credits + row.topped_up)
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
    paid = [(at.timestamp(), (key, endpoint)) for at, key, endpoint in calls if endpoint]
    found, lost = spans(falls, paid, max(60.0, (until - since).total_seconds() / SPANS))
    shares = share_out(found, {source: MOST_A_CALL[source[1]] for _, source in paid})
    unexplained = shares.unexplained + max(0.0, lost)
    total = sum(shares.credits.values()) + unexplained
    made: Counter[tuple[UUID, str]] = Counter()
    for span in found:
        made.update(span.calls)
    keys = ApiKey.objects.of(workspace).in_bulk({source[0] for source in made})
    by_key, by_endpoint = _Table(total), _Table(total)
    for source, amount in shares.credits.items():
        by_key.add(source[0], amount, made[source])
        by_endpoint.add(source[1], amount, made[source])
    begin = datetime.fromtimestamp(falls[0].since, UTC) if falls else since
    return Spending(
        max(since, begin),
        until,
        _rounded(total),
        tuple(replace(row, key=keys.get(name)) for name, row in by_key.rows()),
        tuple(replace(row, endpoint=str(name)) for name, row in by_endpoint.rows()),
        _share(unexplained, total),
    )


class _Table:
    """Sums by name, to be shown as parts of a total."""

    def __init__(self, total: float) -> None:
        self.total = total
        self.spent: Counter[UUID | str] = Counter()
        self.calls: Counter[UUID | str] = Counter()

    def add(self, name: UUID | str, amount: float, calls: int) -> None:
        # Credits are floats here; Counter adds them as well.
        self.spent[name] += amount  # type: ignore[assignment]
        self.calls[name] += calls

    def rows(self) -> list[tuple[UUID | str, Share]]:
        return [(name, _share(amount, self.total, self.calls[name])) for name, amount in self.spent.most_common()]


def _share(amount: float, total: float, calls: int = 0) -> Share:
    return Share(_rounded(amount), 100 * amount / total if total else 0.0, calls=calls)


def _rounded(value: float) -> Decimal:
    return Decimal(round(value))
