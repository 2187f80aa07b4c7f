"""The levels below which a workspace's rules fire, in credits: what the chart and the runway are held against."""

from dataclasses import dataclass
from decimal import Decimal

from alerts.models import Rule, Severity
from usage.burn import last_peak
from workspaces.models import Workspace

BALANCE_BELOW = "balance_below"
PERCENT = "percent"
# A level is what is fallen below, and the least amount that there is counts as one: below it nothing is left.
NONE_LEFT = Decimal("0.0001")
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Threshold:
    """One rule's level; ``rule`` is None for a zero that no rule watches."""

    credits: Decimal
    rule: Rule | None = None

    @property
    def severity(self) -> Severity | None:
        """Return how bad it is to fall below."""
        return self.rule.level if self.rule else None


def balance_thresholds(workspace: Workspace) -> list[Threshold]:
    """Return the levels of the rules that are on, highest first, and zero in any case; three queries at most."""
    rules = list(Rule.objects.filter(workspace=workspace, kind=BALANCE_BELOW, enabled=True))
    peak = last_peak(workspace) if any(is_relative(rule) for rule in rules) else None
    found = [
        Threshold(threshold_in_credits(rule, peak), rule) for rule in rules if peak is not None or not is_relative(rule)
    ]
    above = [level for level in found if level.credits > NONE_LEFT]
    zero = next((level.rule for level in found if level.credits <= NONE_LEFT), None)
    return [*sorted(above, key=lambda level: -level.credits), Threshold(Decimal(0), zero)]


def threshold_in_credits(rule: Rule, peak: Decimal | None) -> Decimal:
    """Return the threshold of ``rule``, which may be in per cent of ``peak``."""
    return percent_of(rule.threshold, peak) if is_relative(rule) else rule.threshold


def is_relative(rule: Rule) -> bool:
    """Say whether the rule's levels are in per cent of the highest balance."""
    return bool(rule.parameters.get("unit") == PERCENT)


def percent_of(percent: Decimal, peak: Decimal | None) -> Decimal:
    """Return so many per cent of ``peak`` credits."""
    return Decimal(percent) * (peak or 0) / HUNDRED
