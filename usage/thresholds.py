"""Balance thresholds of a workspace's alert rules, in credits, for the chart and the runway."""

from dataclasses import dataclass
from decimal import Decimal

from alerts.models import Rule, Severity
from usage.burn import last_peak
from workspaces.models import Workspace

BALANCE_BELOW = "balance_below"
PERCENT = "percent"
# Rules fire below their threshold. One at 0 fires when nothing is left: below the smallest amount that can be stored.
NONE_LEFT = Decimal("0.0001")
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Threshold:
    """The threshold of one rule; ``rule`` is None for a zero that no rule watches."""

    credits: Decimal
    rule: Rule | None = None

    @property
    def severity(self) -> Severity | None:
        """Return the rule's severity."""
        return self.rule.level if self.rule else None


def balance_thresholds(workspace: Workspace) -> list[Threshold]:
    """Return the thresholds of enabled rules, highest first, and always zero; at most three queries."""
    rules = list(Rule.objects.filter(workspace=workspace, kind=BALANCE_BELOW, enabled=True))
    for rule in rules:
        rule.workspace = workspace  # for their URLs
    peak = last_peak(workspace) if any(is_relative(rule) for rule in rules) else None
    found = [
        Threshold(threshold_in_credits(rule, peak), rule) for rule in rules if peak is not None or not is_relative(rule)
    ]
    above = [level for level in found if level.credits > NONE_LEFT]
    zero = next((level.rule for level in found if level.credits == NONE_LEFT), None)
    return [*sorted(above, key=lambda level: -level.credits), Threshold(Decimal(0), zero)]


def threshold_in_credits(rule: Rule, peak: Decimal | None) -> Decimal:
    """Return below how many credits ``rule`` fires; its threshold may be a percentage of ``peak``."""
    return percent_of(rule.threshold, peak) if is_relative(rule) else max(rule.threshold, NONE_LEFT)


def is_relative(rule: Rule) -> bool:
    """Return whether the rule's threshold is a percentage of the highest balance."""
    return bool(rule.parameters.get("unit") == PERCENT)


def percent_of(percent: Decimal, peak: Decimal | None) -> Decimal:
    return Decimal(percent) * (peak or 0) / HUNDRED
