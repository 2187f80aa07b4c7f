"""Forecasts when a workspace's balance will reach a threshold."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from cleanlist.models import JsonObject
from core import clock
from core.db.rollups import HOUR, hour_of
from core.formatting import counted
from usage import forecast as forecasting
from usage.burn import latest_reading
from usage.forecast import HOURS_NEEDED, STEP, TREND, BurnHour, Crossing, Pattern, RecurringBatch
from usage.forecast.provisional import ProvisionalRates, provisional_rates
from usage.models import BalanceHour, BurnPattern
from workspaces.models import Workspace

NO_READING = "the balance has not been synced yet"
NOT_FALLING = "credits are not falling"
BEYOND = "more than a year at the current burn"
REACHED = "already reached"
ONE_BATCH = "less than one cycle seen: one batch made most of the spending, and when the next comes is a guess"
YOUNG = "less than a month seen: what is spent once a month is not in it"
HOURS_OF_A_MONTH = 28 * 24
# The value for a balance that does not fall: longer than any sensible threshold.
ENDLESS_DAYS = Decimal(3650)
# Hours between the past times for which the runway is recomputed.
PAST_STEP = 3
# A monthly batch that takes two hours makes two dozen expensive hours a year.
YEAR, DEAREST_HOURS = timedelta(days=365), 60


@dataclass(frozen=True)
class Runway:
    """When the balance reaches ``threshold``: the median, and the 80 % interval around it.

    A date is None if it is more than a year ahead. ``reason`` says why there is no median, otherwise it is empty.
    ``caveat`` says what the forecast cannot know yet; if it ``is_rough``, times are rounded, and a late one that is
    None is unknown. ``basis`` says what the forecast is based on if that is not the usual burn.
    """

    threshold: Decimal
    median_at: datetime | None = None
    early_at: datetime | None = None
    late_at: datetime | None = None
    reason: str = ""
    is_rough: bool = False
    caveat: str = ""
    basis: str = ""


def runway(workspace: Workspace, threshold: Decimal = Decimal(0), now: datetime | None = None) -> Runway:
    """Return when the balance reaches ``threshold`` credits, in at most three queries."""
    return runways_to(workspace, [threshold], now)[0]


def runways_to(workspace: Workspace, thresholds: Sequence[Decimal], now: datetime | None = None) -> list[Runway]:
    """Return when the balance reaches each of ``thresholds``, in at most three queries for any number of them."""
    reading, at = latest_reading(workspace), now or clock.cached_now()
    if reading is None:
        return [Runway(threshold, reason=NO_READING) for threshold in thresholds]
    return forecast(burn_of(workspace, at), reading.credits, thresholds, at)


def stored_runway(workspace: Workspace, balance: Decimal, now: datetime) -> Runway:
    """Return when ``balance`` runs out by the stored pattern; no query if ``burn_pattern`` was selected along."""
    stored: BurnPattern | None = getattr(workspace, "burn_pattern", None)
    return forecast(stored_burn(stored) if stored else Burn(None, 0), balance, [Decimal(0)], now)[0]


@dataclass(frozen=True)
class Burn:
    """The pattern of a workspace's burn, None while there are too few hours, and the number of hours watched.

    Until then there may be provisional ``rates``.
    """

    pattern: Pattern | None
    hours_seen: int
    rates: ProvisionalRates | None = None

    @property
    def missing(self) -> str:
        """Return how much of the required history there is."""
        return f"{counted(self.hours_seen, 'hour')} of {HOURS_NEEDED}"

    @property
    def awaited(self) -> str:
        """Return what a forecast waits for while there is no pattern."""
        return f"available after {HOURS_NEEDED} hours of data ({self.hours_seen} so far)"

    @property
    def caveat(self) -> str:
        """Return what a forecast cannot know yet, or ""."""
        if self.pattern is None:
            is_by_calls = self.rates is not None and self.rates.is_by_calls
            known = "paid calls of the log and their price" if is_by_calls else "first falls of the balance"
            return f"provisional, from the {known}: {self.missing} are read"
        if self.pattern.is_less_than_one_cycle:
            return ONE_BATCH
        return YOUNG if self.hours_seen < HOURS_OF_A_MONTH else ""


def burn_of(workspace: Workspace, now: datetime) -> Burn:
    """Return the burn as learned within this hour or the last; if none is stored, learn it now."""
    stored = BurnPattern.objects.filter(workspace=workspace, hour__range=(hour_of(now) - HOUR, hour_of(now))).first()
    return stored_burn(stored) if stored else _learn(workspace, now)


def learn_burn(workspace: Workspace, now: datetime) -> None:
    """Learn and store the burn once an hour; pages read it from there."""
    if BurnPattern.objects.filter(workspace=workspace, hour__gte=hour_of(now - _learning_offset(workspace))).exists():
        return
    burn = _learn(workspace, now)
    learned = asdict(burn.pattern) if burn.pattern else burn.rates and {"rates": asdict(burn.rates)}
    facts = {"hour": hour_of(now), "hours_seen": burn.hours_seen, "learned": learned}
    BurnPattern.objects.update_or_create(workspace=workspace, defaults=facts)


def _learning_offset(workspace: Workspace) -> timedelta:
    """Return the offset into the hour at which a workspace learns, so that not all do so at the full hour."""
    return timedelta(minutes=workspace.pk % 60)


def _learn(workspace: Workspace, now: datetime) -> Burn:
    hours, hour = history(workspace, now), int(now.timestamp() // 3600)
    pattern, seen = forecasting.fit_pattern(hours, hour), forecasting.usable_hours(hours, hour)
    return Burn(pattern, seen, None if pattern else provisional_rates(workspace, hours, now))


def stored_burn(row: BurnPattern) -> Burn:
    learned = row.learned or {}
    rates = ProvisionalRates(**learned["rates"]) if "rates" in learned else None
    return Burn(_pattern(learned) if "profile" in learned else None, row.hours_seen, rates)


def _pattern(learned: JsonObject) -> Pattern:
    batch = learned.get("batch")
    return Pattern(**{**learned, "profile": tuple(learned["profile"]), "batch": batch and RecurringBatch(**batch)})


def history(workspace: Workspace, now: datetime) -> list[BurnHour]:
    """Return the hours to learn from, oldest first: eight weeks, and the most expensive ones of the year before.

    The latter show batches that are too rare for eight weeks.
    """
    since = hour_of(now) - timedelta(weeks=forecasting.WEEKS_LEARNED)
    rows = BalanceHour.objects.filter(workspace=workspace, hour__gte=hour_of(now) - YEAR, hour__lte=now)
    dear = rows.filter(hour__lt=since).order_by("-spent").values("pk")[:DEAREST_HOURS]
    rows = rows.filter(Q(hour__gte=since) | Q(pk__in=dear)).order_by("hour")
    return [_hour(*row) for row in rows.values_list("hour", "spent", "covered_seconds")]


def past_days(workspace: Workspace, since: datetime, until: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """Yield how many days the credits lasted at each time of ``past_burns``, as ``days_left`` computed then."""
    for at, burn, balance in past_burns(workspace, since, until):
        if (days := days_left(burn, balance, at)) is not None:
            yield at, days


def past_burns(workspace: Workspace, since: datetime, until: datetime) -> Iterator[tuple[datetime, Burn, Decimal]]:
    """Yield the burn as known then, and the balance, at past hours that are a multiple of PAST_STEP, in one query."""
    begin = hour_of(since) - timedelta(weeks=forecasting.WEEKS_LEARNED)
    rows = BalanceHour.objects.filter(workspace=workspace, hour__gte=begin, hour__lt=until).order_by("hour")
    hours: list[BurnHour] = []
    burn = Burn(None, 0)
    for hour, spent, covered_seconds, balance in rows.values_list("hour", "spent", "covered_seconds", "closing"):
        hours.append(_hour(hour, spent, covered_seconds))
        at = hour + HOUR
        if at < since or at > until or at.hour % PAST_STEP:
            continue
        # Fitted once a day, because from hour to hour a pattern hardly changes.
        if at.hour == 0 or burn.pattern is None:
            ended = hours[-1].number + 1
            burn = Burn(forecasting.fit_pattern(hours, ended), forecasting.usable_hours(hours, ended))
        yield at, burn, balance


def _hour(hour: datetime, spent: Decimal, covered_seconds: float) -> BurnHour:
    return BurnHour(int(hour.timestamp() // 3600), float(spent), min(1.0, covered_seconds / 3600))


def forecast(burn: Burn, balance: Decimal, thresholds: Sequence[Decimal], now: datetime) -> list[Runway]:
    """Return when a balance with this burn reaches each of ``thresholds``."""
    amounts = [float(balance - threshold) for threshold in thresholds]
    if burn.pattern is not None and burn.pattern.is_falling:
        found = burn.pattern.crossings(amounts, now.timestamp() / 3600, burn.hours_seen)
    elif burn.pattern is None and burn.rates is not None:
        found = [_crossing_at_rates(amount, burn.rates) for amount in amounts]
    else:
        reason = burn.awaited if burn.pattern is None else NOT_FALLING
        # A threshold that is already reached needs no forecast.
        return [
            Runway(threshold, now, now, now, REACHED) if balance <= threshold else Runway(threshold, reason=reason)
            for threshold in thresholds
        ]
    return [_runway(burn, *one, now) for one in zip(thresholds, found, strict=True)]


def _runway(burn: Burn, threshold: Decimal, crossing: Crossing, now: datetime) -> Runway:
    if crossing.median == 0:
        return Runway(threshold, now, now, now, REACHED)
    is_rough = burn.pattern is None or burn.pattern.is_less_than_one_cycle
    hours = (crossing.median, crossing.early, None if is_rough and burn.pattern else crossing.late)
    median_at, early_at, late_at = (_hours_after(now, _rounded(one) if is_rough else one) for one in hours)
    reason = BEYOND if crossing.median is None else ""
    basis = _basis(burn.pattern, now)
    return Runway(threshold, median_at, early_at, late_at, reason, is_rough, burn.caveat, basis)


def _crossing_at_rates(amount: float, rates: ProvisionalRates) -> Crossing:
    if amount <= 0:
        return Crossing(0.0, 0.0, 0.0)
    found = (amount / rate if rate > 0 else math.inf for rate in (rates.high, rates.likely, rates.low))
    return Crossing(*(hours if hours < YEAR / HOUR else None for hours in found))


def _rounded(hours: float | None) -> float | None:
    """Return whole hours, or whole days from two days on: more would be false precision.

    Plus half an hour, so that "in 3 days" stays true while a page is read.
    """
    unit = 24 if hours is not None and hours >= 48 else 1
    return None if hours is None else unit * max(1.0, round(hours / unit)) + 0.5


def _basis(pattern: Pattern | None, now: datetime) -> str:
    """Describe what the forecast is based on besides the usual burn: a rhythm, a step, or a trend."""
    if pattern is None or pattern.is_less_than_one_cycle:
        return ""
    if pattern.batch:
        credits_, every = f"{round(pattern.batch.credits, -1):,.0f}", round(pattern.batch.every / 24)
        often = "on the same day of each month" if pattern.batch.is_monthly else f"about every {every} days"
        return f"a batch of about {credits_} credits comes {often}"
    if pattern.model == STEP and pattern.step_days:
        day = timezone.localtime(now - timedelta(days=pattern.step_days))
        return f"the burn changed at once about {day.day} {day:%b}, and only what was spent since then counts"
    percent = round(100 * math.expm1(pattern.trend_a_week))
    if pattern.model == TREND and percent:
        return f"the burn {'grows' if percent > 0 else 'shrinks'} by about {abs(percent)}% a week"
    return ""


def days_left(burn: Burn, balance: Decimal, now: datetime) -> Decimal | None:
    """Return how many days ``balance`` lasts, by the median; None if unknown."""
    if balance <= 0:
        return Decimal(0)
    if burn.pattern is None:
        return None
    if not burn.pattern.is_falling:
        return ENDLESS_DAYS
    hours = burn.pattern.median(float(balance), now.timestamp() / 3600)
    return ENDLESS_DAYS if hours is None else _days(timedelta(hours=hours))


def _days(length: timedelta) -> Decimal:
    return Decimal(round(length / timedelta(days=1), 2))


def _hours_after(now: datetime, hours: float | None) -> datetime | None:
    return None if hours is None else now + timedelta(hours=hours)
