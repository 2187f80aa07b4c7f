"""Whom critical alerts would reach: a workspace that nobody would hear of must say so while somebody still looks."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from alerts.models import Recipient, Rule, Severity
from alerts.services.notifying import addresses_of, owners_in
from workspaces.models import Workspace

# The kind of rule that watches this.
UNHEARD = "critical_unheard"


@dataclass
class Unheard:
    """The critical rules of a workspace of which nobody would be told, and why each address would not be."""

    rules: list[Rule] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Say it in a line."""
        if not self.rules:
            return "critical alerts reach somebody"
        return "nobody would be told of critical alerts: " + ", ".join(f"“{rule.name}”" for rule in self.rules)


def unheard_in(workspaces: Collection[Workspace], *, without: Recipient | None = None) -> Mapping[int, Unheard]:
    """Return for each workspace which of its critical rules would reach nobody.

    ``without`` tells what it would be once that recipient has ended critical alerts. Four queries at most.
    """
    found = {workspace.pk: Unheard() for workspace in workspaces}
    rules: dict[int, list[Rule]] = defaultdict(list)
    for rule in Rule.objects.enabled().filter(workspace__in=found, severity=Severity.CRITICAL).order_by("pk"):
        rules[rule.workspace_id].append(rule)
    silent, owners = _silent(rules, without), owners_in(rules)
    for pk, mine in rules.items():
        for rule in mine:
            addresses = addresses_of(rule, owners[pk])
            if all(address in silent[pk] for address in addresses):
                found[pk].rules.append(rule)
                found[pk].why |= {address: silent[pk][address] for address in addresses}
    return found


def _silent(workspaces: Collection[int], without: Recipient | None) -> dict[int, dict[str, str]]:
    """Return of each workspace the addresses that critical e-mails do not reach, with why."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    deaf = Q(critical_off_at__isnull=False) | Q(refused_at__isnull=False)
    for row in Recipient.objects.filter(deaf, workspace__in=workspaces):
        ended = row.critical_off_at is not None
        found[row.workspace_id][row.address] = "has ended critical alerts" if ended else "refused by its mail server"
    if without is not None:
        found[without.workspace_id][without.address] = "has ended critical alerts"
    return found
