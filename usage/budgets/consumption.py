"""How much of their budgets many workspaces have used in the current period, in three queries for all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain

from django.db import connection

from core.db.sql import execute_batch, json_recordset, to_json
from usage.budgets.periods import Period
from usage.changes.interpretation import CENT
from usage.changes.types import ZERO
from usage.models import BalanceChange, BalanceReading, Budget
from usage.rounding import round_estimate, round_range
from workspaces.models import Workspace

AMOUNTS = ("topped_up", "top_up_low", "top_up_high", "corrected")


@dataclass(frozen=True)
class BudgetUsage:
    """The used credits: likely ``credits``, at least ``low`` and at most ``high``; net of credits that came back.

    It is known since ``since``: the beginning of the period, or the first reading if that came later. It is as of
    ``read_at``; if that is before the period, nothing has been read in it yet.
    """

    credits: Decimal
    low: Decimal
    high: Decimal
    since: datetime
    read_at: datetime

    @property
    def is_range(self) -> bool:
        """Return whether the figure is an estimate."""
        return self.low != self.high


# Each workspace has its own bounds, which are passed as a table: a thousand conditions are more than SQLite accepts.
_ASKED = {"workspace": "bigint", "began_at": "timestamptz", "seen_at": "timestamptz"}
# The reading that was current when a period began, or the first one if that came later.
_OPENINGS = """
SELECT reading.* FROM {asked} JOIN usage_balancereading AS reading ON reading.id = COALESCE(
    (SELECT id FROM usage_balancereading AS held
        WHERE held.workspace_id = asked.workspace AND held.first_read_at <= asked.began_at
        ORDER BY held.first_read_at DESC LIMIT 1),
    (SELECT id FROM usage_balancereading AS first
        WHERE first.workspace_id = asked.workspace ORDER BY first.first_read_at LIMIT 1))
"""
# The changes of a period up to the given reading; changes ingested meanwhile are counted the next time.
_INSIDE = """
FROM {asked} JOIN usage_balancechange AS change ON change.workspace_id = asked.workspace
    AND change.until > asked.began_at AND change.until <= asked.seen_at
"""
# All others add nothing. The condition equals SIGNIFICANT, so that its index applies.
_SUMS = f"""
SELECT change.workspace_id, {", ".join(f"SUM(change.{name})" for name in AMOUNTS)} {_INSIDE}
WHERE change.top_up_high > 0 OR NOT change.corrected = 0 OR change.is_gap GROUP BY change.workspace_id
"""
_ACROSS = f"SELECT change.* {_INSIDE} WHERE change.is_gap AND change.since < asked.began_at"


def usage_by_workspace(periods: Mapping[int, Period], latest: Mapping[int, BalanceReading]) -> dict[int, BudgetUsage]:
    """Return each workspace's usage since its period began, as of its ``latest`` reading, if it has one."""
    known = {pk: (period, latest[pk]) for pk, period in periods.items() if pk in latest}
    if not known:
        return {}
    asked = to_json(
        {"workspace": pk, "began_at": period.start, "seen_at": reading.first_read_at}
        for pk, (period, reading) in known.items()
    )
    openings = {row.workspace_id: row for row in BalanceReading.objects.raw(_with_bounds(_OPENINGS), [asked])}
    across = {row.workspace_id: row for row in BalanceChange.objects.raw(_with_bounds(_ACROSS), [asked])}
    [rows] = execute_batch((_with_bounds(_SUMS), [asked]))
    sums = {pk: [Decimal(one or 0).quantize(CENT) for one in found] for pk, *found in rows}
    return {
        pk: _budget_usage(period, openings[pk], reading, sums.get(pk, [ZERO] * len(AMOUNTS)), across.get(pk))
        for pk, (period, reading) in known.items()
    }


def _with_bounds(sql: str) -> str:
    return sql.format(asked=json_recordset("asked", _ASKED, connection.vendor))


def _budget_usage(
    period: Period, opening: BalanceReading, reading: BalanceReading, sums: list[Decimal], across: BalanceChange | None
) -> BudgetUsage:
    added, least, most, corrected = sums
    fallen = opening.credits - reading.credits + corrected
    likely, low, high = fallen + added, fallen + least, fallen + most
    if across:
        # Nobody knows how much of it was spent before the period began.
        share = Decimal((period.start - across.since) / (across.until - across.since)).quantize(CENT)
        likely, low = likely - across.spent * share, low - max(ZERO, across.spent_low)
    likely, low, high = (max(ZERO, one).quantize(CENT) for one in (likely, low, high))
    likely, (low, high) = round_estimate(likely, high - low), round_range(low, high)
    return BudgetUsage(likely, low, high, max(period.start, opening.first_read_at), reading.read_at)


def usage_history(
    workspace: Workspace, budget: Budget, since: datetime, until: datetime
) -> Iterator[tuple[datetime, Period, Decimal]]:
    """Yield the highest possible usage at each reading since the period that contains ``since``, in two queries.

    At the end of a period, zero is yielded for it, and then zero for the next one.
    """
    period = budget.period_at(since)
    readings = BalanceReading.objects.of(workspace)
    opening = readings.begun_by(period.start)
    rows = readings.filter(first_read_at__gte=opening.first_read_at if opening else period.start)
    columns = ("first_read_at", "credits", "change__top_up_high", "change__corrected")
    before: Decimal | None = None
    used = ZERO
    known = rows.filter(first_read_at__lte=until).order_by("first_read_at").values_list(*columns)
    for at, credits_, topped_up, corrected in chain(known.iterator(), [(until, None, None, None)]):
        while at > period.end:
            yield period.end, period, ZERO
            period, used = budget.period_at(period.end), ZERO
            yield period.start, period, used
        if credits_ is None:
            return
        if before is not None and at > period.start:
            used += before - credits_ + (topped_up or ZERO) + (corrected or ZERO)
        before = credits_
        yield max(at, period.start), period, max(ZERO, used)
