"""Finds rules whose e-mails would reach no one, so that pages can warn while somebody still looks at them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from alerts.models import Recipient, Rule, Severity, Stream
from alerts.services.notifications import addresses_of, owners_in
from workspaces.models import Workspace

# The rule kind that watches this.
UNREACHED_KIND = "critical_unheard"


@dataclass
class UnreachedRules:
    """The critical rules of a workspace whose e-mails reach no one, and for each address the reason."""

    rules: list[Rule] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Return a summary in one line."""
        if not self.rules:
            return "critical alerts reach someone"
        return "critical alerts reach no one: " + ", ".join(f"“{rule.name}”" for rule in self.rules)


def unreached_by_workspace(
    workspaces: Collection[Workspace], *, without: Recipient | None = None
) -> Mapping[int, UnreachedRules]:
    """Return for each workspace which of its critical rules would reach no one, in four queries at most.

    With ``without``, as if that recipient had ended critical alerts.
    """
    found = {workspace.pk: UnreachedRules() for workspace in workspaces}
    rules: dict[int, list[Rule]] = defaultdict(list)
    for rule in Rule.objects.enabled().filter(workspace__in=found, severity=Severity.CRITICAL).order_by("pk"):
        rules[rule.workspace_id].append(rule)
    silent, owners = _unreachable_addresses(rules, Stream.CRITICAL), owners_in(rules)
    if without is not None:
        silent[without.workspace_id][without.address] = _why_ended(Stream.CRITICAL)
    for pk, mine in rules.items():
        for rule, why in _reaching_nobody(mine, owners[pk], silent[pk]):
            found[pk].rules.append(rule)
            found[pk].why |= why
    return found


def unreached_rules(workspace: Workspace, rules: Collection[Rule]) -> Mapping[int, Mapping[str, str]]:
    """Return those of ``rules`` that would reach no one, by id, with the reason for each address.

    Four queries at most.
    """
    pk, found = workspace.pk, dict[int, Mapping[str, str]]()
    owners = owners_in([pk])[pk]
    for stream in (Stream.CRITICAL, Stream.WARNINGS):
        mine = [rule for rule in rules if rule.enabled and rule.level.stream == stream]
        reach_nobody = _reaching_nobody(mine, owners, _unreachable_addresses([pk], stream)[pk])
        found |= {rule.pk: why for rule, why in reach_nobody}
    return found


def _reaching_nobody(
    rules: Iterable[Rule], owners: Collection[str], silent: Mapping[str, str]
) -> Iterator[tuple[Rule, dict[str, str]]]:
    """Yield the rules of one stream that reach no one, with the reason for each address."""
    for rule in rules:
        addresses = addresses_of(rule, owners)
        if all(address in silent for address in addresses):
            yield rule, {address: silent[address] for address in addresses}


def _unreachable_addresses(workspaces: Collection[int], stream: Stream) -> dict[int, dict[str, str]]:
    """Return for each workspace the addresses that e-mails of ``stream`` do not reach, with the reason."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    deaf = Q(**{f"{stream.value}_off_at__isnull": False}) | Q(refused_at__isnull=False)
    for row in Recipient.objects.filter(deaf, workspace__in=workspaces):
        found[row.workspace_id][row.address] = "refused by its mail server" if row.wants(stream) else _why_ended(stream)
    return found


def _why_ended(stream: Stream) -> str:
    return f"unsubscribed from {stream.label.lower()}"
