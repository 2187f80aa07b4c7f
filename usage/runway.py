"""When the balance will have fallen to a threshold: the forecast for a workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from usage import forecasting
from usage.burn import latest
from usage.forecasting import HOURS_NEEDED, Hour, Pattern
from usage.models import BalanceHour
from usage.readings import hour_of
from workspaces.models import Workspace

NO_READING = "the balance has not been read yet"
NOT_FALLING = "credits are not falling"
BEYOND = "more than a year at the present burn"
REACHED = "the balance is there already"


@dataclass(frozen=True)
class Runway:
    """When the balance reaches ``threshold``: the median, and the 80 % interval around it.

    A date is None when it lies more than a year ahead. ``reason`` says why there is no median, else it is empty.
    """

    threshold: Decimal
    median_at: datetime | None = None
    early_at: datetime | None = None
    late_at: datetime | None = None
    reason: str = ""


def runway(workspace: Workspace, threshold: Decimal = Decimal(0), now: datetime | None = None) -> Runway:
    """Return when the balance reaches ``threshold`` credits, in two queries."""
    return runways_to(workspace, [threshold], now)[0]


def runways_to(workspace: Workspace, thresholds: Sequence[Decimal], now: datetime | None = None) -> list[Runway]:
    """Return when the balance reaches each of ``thresholds``, in two queries for any number of them."""
    reading, moment = latest(workspace), now or timezone.now()
    if reading is None:
        return [Runway(threshold, reason=NO_READING) for threshold in thresholds]
    return forecast(history(workspace, moment), reading.credits, thresholds, moment)


def history(workspace: Workspace, now: datetime) -> list[Hour]:
    """Return the hours from which the forecast learns, at most eight weeks of them, oldest first."""
    since = hour_of(now) - timedelta(weeks=forecasting.WEEKS_LEARNED)
    rows = BalanceHour.objects.filter(workspace=workspace, hour__gte=since, hour__lte=now).order_by("hour")
    return [_hour(*row) for row in rows.values_list("hour", "spent", "covered_seconds")]


def _hour(hour: datetime, spent: Decimal, covered_seconds: float) -> Hour:
    return Hour(int(hour.timestamp() // 3600), float(spent), min(1.0, covered_seconds / 3600))


def forecast(hours: Sequence[Hour], balance: Decimal, thresholds: Sequence[Decimal], now: datetime) -> list[Runway]:
    """Return when a balance with this history reaches each of ``thresholds``."""
    start = now.timestamp() / 3600
    pattern = forecasting.learn(hours, int(start))
    if pattern is None:
        seen = forecasting.observed(hours)
        reason = f"not enough history yet: {seen} hour{'' if seen == 1 else 's'} of {HOURS_NEEDED}"
        return [Runway(threshold, reason=reason) for threshold in thresholds]
    if not any(pattern.profile):
        return [Runway(threshold, reason=NOT_FALLING) for threshold in thresholds]
    return _forecast(pattern, balance, thresholds, now)


def _forecast(pattern: Pattern, balance: Decimal, thresholds: Sequence[Decimal], now: datetime) -> list[Runway]:
    amounts = [float(balance - threshold) for threshold in thresholds]
    found = pattern.crossings(amounts, now.timestamp() / 3600)
    return [
        Runway(
            threshold,
            _at(now, crossing.median),
            _at(now, crossing.early),
            _at(now, crossing.late),
            REACHED if amount <= 0 else BEYOND if crossing.median is None else "",
        )
        for threshold, amount, crossing in zip(thresholds, amounts, found, strict=True)
    ]


def _at(now: datetime, hours: float | None) -> datetime | None:
    return None if hours is None else now + timedelta(hours=hours)
