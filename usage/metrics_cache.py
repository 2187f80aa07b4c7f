"""Credit metrics for ``/metrics`` that are too expensive to compute for all workspaces at once.

They are computed when a balance is ingested, at most every few minutes, and cached in Redis for a quarter of an hour;
older ones count as unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import redis
import structlog

from core import clock
from usage.budgets.status import BudgetStatus, budget_statuses
from usage.burn import SpentCredits, spent_between
from usage.credit_status import CreditStatus, credit_statuses
from usage.forecast.runway import BEYOND, NOT_FALLING, Runway
from workspaces.models import Poll
from workspaces.polling import rate_limiter
from workspaces.polling.registry import BALANCE

RENEWED_SECONDS, KEPT_SECONDS = 240, 900
DAY = timedelta(days=1)
# Stands for a time more than a year away, or never.
NEVER = float(2**53)
# Many keys and their values as one text: redis-py takes longer to send and read a thousand short ones than everything
# else together. Our JSON has no line breaks; values with one were not written here.
_GET = """
local found = {}
for key in ARGV[1]:gmatch('[^\\n]+') do
  local text = redis.pcall('GET', key)
  found[#found + 1] = type(text) == 'string' and not text:find('\\n', 1, true) and text or ''
end
return table.concat(found, '\\n')
"""
logger = structlog.get_logger(__name__)


class BudgetMetrics(msgspec.Struct, frozen=True, array_like=True):
    """A budget and its usage in the current month or week, in credits; None is unknown."""

    credits: float
    low: float | None
    likely: float | None
    high: float | None


class CachedMetrics(msgspec.Struct, frozen=True, array_like=True):
    """One workspace's metrics as of ``at``. Times are seconds since 1970, amounts credits; None is unknown.

    ``empty_early_at``, ``empty_at`` and ``empty_late_at`` are when the credits run out: the median, and the 80 %
    interval around it. ``spent`` covers the last 24 hours; ``burn`` is that per watched hour.
    """

    at: float
    spent: float | None
    burn: float | None
    empty_early_at: float | None
    empty_at: float | None
    empty_late_at: float | None
    budget: BudgetMetrics | None


def refresh_metrics(polls: Sequence[Poll]) -> None:
    """Refresh the metrics of workspaces that had a balance ingested."""
    workspaces = {poll.workspace_id: poll.workspace for poll in polls if poll.resource == BALANCE}
    if not workspaces:
        return
    try:
        left = _seconds_left(workspaces)
        due = [workspace for pk, workspace in workspaces.items() if left[pk] < KEPT_SECONDS - RENEWED_SECONDS]
        if due:
            now = clock.now()
            statuses = budget_statuses(due, now)
            known = [one for one in credit_statuses(due, now) if one.latest]
            _store({one.workspace.pk: _compute(one, statuses.get(one.workspace.pk)) for one in known})
    except redis.RedisError as error:
        logger.warning("figures_not_kept", error=type(error).__name__)


def cached_metrics(workspaces: Iterable[int]) -> Mapping[int, CachedMetrics]:
    """Return the cached metrics of ``workspaces``. Raises redis.RedisError."""
    asked = list(workspaces)
    if not asked:
        return {}
    found: Any = rate_limiter.connection().register_script(_GET)(args=["\n".join(map(_key, asked))])
    read = ((pk, _decode_or_none(text)) for pk, text in zip(asked, found.split(b"\n"), strict=True) if text)
    return {pk: figures for pk, figures in read if figures}


def _compute(known: CreditStatus, status: BudgetStatus | None) -> CachedMetrics:
    day, ahead = spent_between(known.workspace, known.now - DAY, known.now), known.runway
    budget = None
    if status is not None:
        used = status.used
        amounts = (used.low, used.credits, used.high) if used else (None, None, None)
        budget = BudgetMetrics(float(status.budget.credits), *map(_float_or_none, amounts))
    return CachedMetrics(
        at=known.now.timestamp(),
        spent=float(day.credits) if day.covered else None,
        burn=_burn_per_hour(day),
        empty_early_at=_timestamp(ahead.early_at, ahead),
        empty_at=_timestamp(ahead.median_at, ahead),
        empty_late_at=_timestamp(ahead.late_at, ahead),
        budget=budget,
    )


def _burn_per_hour(day: SpentCredits) -> float | None:
    """Return credits per hour over the watched part of the last 24 hours."""
    return float(day.credits) / (24 * day.covered) if day.covered else None


def _timestamp(at: datetime | None, ahead: Runway) -> float | None:
    """Return a time of a forecast: NEVER if it is more than a year ahead, None if it is unknown."""
    if at is not None:
        return at.timestamp()
    is_beyond = ahead.reason in {BEYOND, NOT_FALLING} or (ahead.median_at is not None and not ahead.is_rough)
    return NEVER if is_beyond else None


def _float_or_none(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _key(workspace: int) -> str:
    return f"figures:{workspace}"


def _seconds_left(workspaces: Iterable[int]) -> dict[int, int]:
    """Return the remaining seconds of each workspace's cached metrics; negative if there are none."""
    with rate_limiter.connection().pipeline(transaction=False) as pipe:
        for pk in workspaces:
            pipe.ttl(_key(pk))
        return dict(zip(workspaces, pipe.execute(), strict=True))


def _store(figures: Mapping[int, CachedMetrics]) -> None:
    with rate_limiter.connection().pipeline(transaction=False) as pipe:
        for pk, one in figures.items():
            pipe.set(_key(pk), msgspec.json.encode(one), ex=KEPT_SECONDS)
        pipe.execute()


def _decode_or_none(text: bytes) -> CachedMetrics | None:
    """Return the stored metrics, or None if they cannot be decoded."""
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


_decode = msgspec.json.Decoder(CachedMetrics).decode
