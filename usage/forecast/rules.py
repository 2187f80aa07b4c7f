"""The alert rule about how long the credits last."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from alerts.engine.rule_kinds import DataPoint, DefaultRule, NoData, Observation, Observations, RuleKind, register
from alerts.models import Rule
from core.formatting import DAY, format_number, format_quantity
from usage.credit_status import CreditStatus, credits_by_workspace
from usage.forecast.runway import past_days
from workspaces.models import Workspace
from workspaces.polling.registry import BALANCE


def read_runway(rules: Sequence[Rule], now: datetime) -> Mapping[int, Observations]:
    """Return how many days the credits last."""
    known = credits_by_workspace(rules, now)
    return {rule.pk: _lasting(known[rule.workspace_id]) for rule in rules}


def _lasting(one: CreditStatus) -> Observations:
    if one.problem:
        return NoData(one.problem)
    if one.days is None:
        return NoData(f"How long the credits last is not known: {one.unlearned or one.runway.reason}.")
    return [Observation(one.days, lambda: _last_so_long(one), url=one.url, facts=lambda: one.facts)]


def _last_so_long(one: CreditStatus) -> str:
    if not one.days:
        return "no credits left"
    return f"credits last {one.lasts or 'more than a year'}, {format_number(one.balance)} left"


def runway_history(workspace: Workspace, _: Rule, since: datetime, until: datetime) -> Iterator[DataPoint]:
    """Yield how many days the credits lasted, every few hours of the past."""
    for at, days in past_days(workspace, since, until):
        yield DataPoint(at, days)


register(
    RuleKind(
        name="runway_below",
        label="Runway shorter than",
        explanation="Fires when the credits will last fewer days than this, given how the workspace spends by hour and "
        "weekday. It needs enough history.",
        direction="below",
        unit="days",
        read=read_runway,
        describe=lambda rule: f"the credits last less than {format_quantity(rule.threshold, 'days')}",
        resources=frozenset({BALANCE}),
        position=11,
        end=0,
        family="credits",
        history=runway_history,
        descending=True,
        defaults=(
            DefaultRule(
                "Less than a week left", "warning", Decimal(7), Decimal(8), pending_seconds=600, repeat_seconds=DAY
            ),
            DefaultRule("Less than two days left", "critical", Decimal(2), Decimal("2.5"), 600, DAY // 4),
        ),
    )
)
