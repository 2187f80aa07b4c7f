"""Alert rules in a file: parses them, compares them with stored ones, and exports them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import forms

from alerts.engine.rule_kinds import RuleKind, all_kinds, kind_named
from alerts.forms import RuleForm
from alerts.models import Rule
from alerts.services.rules import FIELDS
from provisioning.fields import NodeParser
from provisioning.yaml_reader import Node
from workspaces.models import Workspace

COMMON = ("kind", "name", "severity", "threshold", "recovery", "pending_minutes", "repeat_seconds", "to_owners",
          "addresses", "enabled")  # fmt: skip
LEVELS = ("threshold", "recovery")
_LEFT_OUT = {"severity": "warning", "pending_minutes": 0, "repeat_seconds": 0, "to_owners": True, "enabled": True}


@dataclass(frozen=True)
class RuleSpec:
    """A wanted rule: the input of its form, and the resulting rule, not yet of any workspace."""

    node: Node
    kind: RuleKind
    data: dict[str, object]
    rule: Rule

    def form(self, workspace: Workspace, rule: Rule, others: Sequence[Rule]) -> RuleForm:
        """Return the form that applies the wanted values to ``rule``, validated against ``others``."""
        return RuleForm(workspace, self.kind, rule, self.data, others=others)

    def made(self, workspace: Workspace) -> Rule:
        """Return the rule without storing it."""
        values = {name: getattr(self.rule, name) for name in FIELDS}
        return Rule(workspace=workspace, kind=self.kind.name, **values)


def read_rules(fields: NodeParser, node: Node) -> list[RuleSpec]:
    found = [rule for item in fields.items(node) if (rule := _rule(fields, item)) is not None]
    for kind, count in Counter(rule.kind.name for rule in found if rule.kind.required_because).items():
        if count > 1:
            fields.refuse(node, f"A workspace can have only one {kind} rule. List it once.")
    return found


def _rule(fields: NodeParser, node: Node) -> RuleSpec | None:
    parts = fields.mapping(node)
    if not parts:
        return None
    kind = kind_named(fields.text(parts["kind"])) if "kind" in parts else None
    if kind is None:
        kinds = ", ".join(one.name for one in all_kinds())
        fields.refuse(parts.get("kind", node), f"Set kind to what the rule watches: {kinds}.")
        return None
    fields.mapping(node, names_of(kind))
    data = {name: make().initial for name, make in kind.parameters.items()} | _LEFT_OUT
    data |= {name: _value(fields, name, part) for name, part in parts.items() if name != "kind"}
    data.setdefault("recovery", data.get("threshold"))
    wanted = RuleSpec(node, kind, data, Rule(kind=kind.name))
    form = wanted.form(Workspace(), wanted.rule, ())
    if not fields.check(form, node):
        return None
    form.apply()
    return wanted


def names_of(kind: RuleKind) -> tuple[str, ...]:
    """Return the names that a file can set on a rule of ``kind``."""
    common = [name for name in COMMON if not (kind.is_flag and name in LEVELS)]
    return (*common, *kind.parameters)


def _value(fields: NodeParser, name: str, node: Node) -> object:
    if name in {"to_owners", "enabled"}:
        return fields.flag(node)
    if name == "addresses":
        return "\n".join(fields.text(item) for item in fields.items(node))
    return fields.text(node)


def written(rule: Rule, kind: RuleKind) -> dict[str, object]:
    """Return ``rule`` in the form of a file."""
    values: dict[str, object] = {
        "kind": rule.kind,
        "name": rule.name,
        "severity": str(rule.severity),
        "threshold": Decimal(rule.threshold),
        "recovery": Decimal(rule.recovery),
        "pending_minutes": rule.pending_seconds // 60,
        "repeat_seconds": rule.repeat_seconds,
        "to_owners": rule.to_owners,
        "addresses": sorted(rule.addresses),
        "enabled": rule.enabled,
    }
    values |= {name: rule.parameters.get(name, _initial(make())) for name, make in kind.parameters.items()}
    return {name: values[name] for name in names_of(kind)}


def _initial(field: forms.Field) -> object:
    return field.initial


def stored_rules(workspace: Workspace) -> list[Rule]:
    """Return the rules of ``workspace`` in page order, without kinds that no app defines any more."""
    rows = Rule.objects.filter(workspace=workspace).select_related("workspace").mildest_first()
    return [rule for rule in rows if rule.kind_of is not None]


def paired(wanted: Iterable[tuple[RuleSpec, Rule]], stored: Iterable[Rule]) -> list[Rule | None]:
    """Return the stored rule for each wanted one, matched by kind and name; None if there is none.

    A required kind has one rule, whatever its name. Other names need not be unique, as on the pages: equal rules pair
    first, then the others in order.
    """
    wanted, left = list(wanted), list(stored)
    found: list[Rule | None] = [None] * len(wanted)
    for is_same in (_is_equal, _is_meant):
        for at, (_, rule) in enumerate(wanted):
            match = next((one for one in left if found[at] is None and is_same(one, rule)), None)
            if match is not None:
                found[at] = match
                left.remove(match)
    return found


def _is_meant(one: Rule, other: Rule) -> bool:
    return one.kind == other.kind and (one.name == other.name or one.is_required)


def _is_equal(one: Rule, other: Rule) -> bool:
    kind = one.kind_of
    return kind is not None and _is_meant(one, other) and written(one, kind) == written(other, kind)


def differences(before: Rule, after: Rule) -> list[str]:
    """Return the differences in words."""
    kind = before.kind_of
    assert kind is not None  # noqa: S101 - ``stored_rules`` leaves the others out
    old, new = written(before, kind), written(after, kind)
    return [f"{name} {shown(old[name])} → {shown(new[name])}" for name in new if old[name] != new[name]]


def shown(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return ", ".join(value) or "nobody"
    return str(value).lower() if isinstance(value, bool) else str(value) or "none"
