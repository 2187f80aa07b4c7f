"""Alert rules about budgets: one is exceeded, or will be according to the forecast."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django import forms

from alerts.engine.rule_kinds import DataPoint, DefaultRule, Fact, NoData, Observation, Observations, RuleKind, register
from alerts.models import Rule
from core.formatting import DAY, format_number, format_quantity, time_marker
from usage.budgets.consumption import usage_history
from usage.budgets.status import (
    BudgetForecast,
    BudgetStatus,
    budget_status,
    budget_statuses,
    forecast_spend,
    format_range,
)
from usage.credit_status import CreditStatus
from usage.forecast.runway import past_burns
from usage.models import Budget
from workspaces.models import Workspace
from workspaces.polling.registry import BALANCE

USED, FORECAST = "budget_used", "budget_forecast"
BUDGET_KINDS = (USED, FORECAST)
NO_BUDGET = "No budget is set for this workspace. An owner can set one on its usage page."
MEDIAN, BAD, GOOD = "50", "90", "10"
CHANCES = (
    (MEDIAN, "as likely as not (the median)"),
    (BAD, "in 1 of 10 cases already"),
    (GOOD, "in 9 of 10 cases only"),
)
# Forecasts from this long before the requested range show whether a rule was already firing.
KNOWN_BEFORE = timedelta(days=1)


def read_used(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the highest possible used percentage of each workspace's budget, in at most seven queries."""
    return _read(rules, now, _used)


def read_forecast(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return the percentage of each budget that will be used by the end of the period, at each rule's probability."""
    return _read(rules, now, _ahead)


def _read(
    rules: Sequence[Rule], now: datetime, ask: Callable[[BudgetStatus, Rule], Observations]
) -> Mapping[int, Observations]:
    found = budget_statuses({rule.workspace_id: rule.workspace for rule in rules}.values(), now)
    return {
        rule.pk: ask(found[rule.workspace_id], rule) if rule.workspace_id in found else NoData(NO_BUDGET)
        for rule in rules
    }


def _used(one: BudgetStatus, _: Rule) -> Observations:
    if one.problem or one.used is None:
        return NoData(one.problem)
    used, held = one.used, one.credits.reserved
    most = one.budget.percent(max(Decimal(0), used.high - held))
    counted = ("Counted", f"{format_number(round(most, 2))}% is the most that can have been used{_without(held)}")
    facts = (counted,) if most != one.budget.percent(used.credits) else ()
    return [_observation(one, most, one.budget.percent(used.high), one.words, facts)]


def _without(held: Decimal) -> str:
    return f", without {format_number(held)} credits that are only reserved" if held else ""


def _ahead(one: BudgetStatus, rule: Rule) -> Observations:
    if one.problem or one.used is None:
        return NoData(one.problem)
    surely = max(Decimal(0), one.used.high - one.credits.reserved)
    value, certain_value = (_judged(rule, one.budget, used, one.outlook) for used in (surely, one.used.high))
    if value is None or certain_value is None:
        return NoData(f"The forecast for the end of {one.period.name} is {one.outlook_words}.")
    return [_observation(one, value, certain_value, _words(one, rule))]


def _judged(rule: Rule, budget: Budget, used: Decimal, ahead: BudgetForecast | None) -> Decimal | None:
    """Return the percentage to compare a forecast rule with; None if no forecast has been learned.

    Usage that has already exceeded the rule's level needs no forecast.
    """
    if ahead is not None and not ahead.is_rough:
        return budget.percent(used + _at(rule, ahead))
    percent = budget.percent(used)
    return percent if percent > rule.threshold else None


def _at(rule: Rule, ahead: BudgetForecast) -> Decimal:
    return {BAD: ahead.high, GOOD: ahead.low}.get(_chance(rule), ahead.median)


def _chance(rule: Rule) -> str:
    return str(rule.parameters.get("chance", MEDIAN))


def _observation(
    one: BudgetStatus, percent: Decimal, certain_value: Decimal, words: str, counted: Sequence[Fact] = ()
) -> Observation:
    """Return a budget's observation. A rule fires without the credits that running enrichments hold, as most come back.

    But it ends only when ``certain_value``, which includes them, is below the level.
    """
    begun = one.budget.length_since <= one.period.start
    what = f"a new {one.period.length} began" if begun else f"the budget is by the {one.period.length} now"
    return Observation(
        round(percent, 2),
        words,
        subject=one.period.key,
        url=one.credits.url,
        facts=lambda: (*counted, *facts_of(one)),
        certain_value=round(certain_value, 2),
        ended_reason=f"{what}: {one.words}",
    )


def _words(one: BudgetStatus, rule: Rule) -> str:
    used, ahead = one.used, one.outlook
    if used is None or ahead is None or ahead.is_rough:
        return one.words
    prefix = "up to " if used.is_range else {BAD: "up to ", GOOD: "at least "}.get(_chance(rule), "")
    amount = (
        f"{prefix}{format_number(round(used.high + _at(rule, ahead)))} of {format_number(one.budget.credits)} credits"
    )
    return f"{amount} forecast for {one.period.name}, {one.used_words} used{one.reserved_words}, {one.left} left"


def facts_of(one: BudgetStatus) -> tuple[Fact, ...]:
    """Return the facts about a budget for an e-mail, in addition to its sentence."""
    if one.used is None:
        return (("Budget", str(one.budget)),)
    percent = format_number(round(one.budget.percent(one.used.credits), 2))
    bounds = f", {format_range(one.used.low, one.used.high)}" if one.used.is_range else ""
    held = one.credits.reserved
    since = (("Watched since", f"{time_marker(one.used.since)}; what was spent before is not known"),)
    return (
        ("Used", f"{format_number(one.used.credits)} credits, {percent}%{bounds}"),
        *((("Reserved", f"{format_quantity(held, 'credits')} of them, by enrichments that run"),) if held else ()),
        *(since if one.is_partial else ()),
        ("Budget", str(one.budget)),
        ("Forecast", one.outlook_words),
        ("Left", f"{one.left}, until {time_marker(one.period.end)}"),
        *one.credits.spenders,
    )


def summary_facts(credits: CreditStatus) -> tuple[Fact, ...]:  # noqa: A002 - as everywhere here
    """Return the budget's facts for a regular summary; empty without a budget."""
    one = budget_status(credits)
    return (("Budget", f"{one.words}; forecast: {one.outlook_words}"),) if one else ()


# --- would have fired -------------------------------------------------------------------------------------------


def used_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield the usage of the current budget at each reading, from the beginning of the period on."""
    budget = Budget.objects.filter(workspace=workspace).first()
    if budget is None:
        return
    for at, period, used in usage_history(workspace, budget, since, until):
        yield DataPoint(at, round(budget.percent(used), 2), period.key)


def forecast_history(workspace: Workspace, rule: Rule, since: datetime, until: datetime) -> list[DataPoint]:
    """Return the past forecasts for the current budget, every few hours."""
    budget = Budget.objects.filter(workspace=workspace).first()
    if budget is None:
        return []
    known = list(usage_history(workspace, budget, since, until))
    times = [at for at, _, _ in known]
    found = [DataPoint(at, used, period.key) for at, period, used in known if at == period.end]
    for at, burn, _ in past_burns(workspace, since - KNOWN_BEFORE, until):
        if place := bisect_right(times, at):
            _, period, used = known[place - 1]
            value = _judged(rule, budget, used, forecast_spend(burn, at, period.end))
            found += [DataPoint(at, round(value, 2), period.key)] if value is not None else []
    return sorted(found, key=lambda observed: observed.at)


# --- registration -----------------------------------------------------------------------------------------------


def _chance_field() -> forms.Field:
    return forms.ChoiceField(
        label="When the budget is passed",
        choices=CHANCES,
        initial=MEDIAN,
        help_text="How likely that must be by the forecast.",
    )


def describe_forecast(rule: Rule) -> str:
    """Describe when a forecast rule fires."""
    chance = {BAD: " in 1 of 10 cases", GOOD: " in 9 of 10 cases"}.get(_chance(rule), "")
    return f"by the forecast more than {format_number(rule.threshold)}% of the budget will be used{chance}"


register(
    RuleKind(
        name=USED,
        label="Budget used",
        explanation="Fires when more than this share of the budget for the current month or week is used. Where the "
        "spend is only known as a range, its upper end counts. The alert resolves when the month or week ends.",
        direction="above",
        unit="%",
        read=read_used,
        describe=lambda rule: f"more than {format_number(rule.threshold)}% of the budget is used",
        resources=frozenset({BALANCE}),
        position=15,
        history=used_history,
        descending=True,
        on_request=True,
        defaults=(
            # Credits that running enrichments hold come back within minutes.
            DefaultRule("Budget passed", "warning", Decimal(100), Decimal(98), 600, 7 * DAY),
        ),
    )
)
register(
    RuleKind(
        name=FORECAST,
        label="Budget forecast",
        explanation="Fires when the forecast says that more than this share of the budget will be used by the end of "
        "the month or week. It needs enough history, unless the budget is exceeded already.",
        direction="above",
        unit="%",
        read=read_forecast,
        describe=describe_forecast,
        parameters={"chance": _chance_field},
        resources=frozenset({BALANCE}),
        position=15,
        history=forecast_history,
        on_request=True,
        defaults=(
            DefaultRule("Budget will be passed", "warning", Decimal(100), Decimal(90), 3600, 0, {"chance": MEDIAN}),
        ),
    )
)
