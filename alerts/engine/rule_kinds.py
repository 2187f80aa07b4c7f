"""What a rule can watch: filled by each app's ``rules.py`` when Django starts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from django import forms

from workspaces.models import Workspace

if TYPE_CHECKING:
    from alerts.models import Rule

Direction = Literal["below", "above"]
Fact = tuple[str, str]


@dataclass(frozen=True)
class Observation:
    """What a rule sees of one subject (a key; "" where the workspace itself is the subject), as of now.

    ``words`` say it without the workspace's name: "412 credits left, about 2 days"; ``facts`` are told beside it.
    Either may be a function where it costs something: it is called only where there is an alert to tell of.
    ``threshold`` and ``recovery`` replace the rule's own where those are relative (per cent of a peak). ``proven`` is
    what of the value is beyond doubt, where that is worse: what fires is over only when this has recovered.
    ``replaces`` says why subjects that are not among the readings any more are over, where that is no mystery.
    """

    value: Decimal
    words: str | Callable[[], str]
    subject: str = ""
    label: str = ""
    url: str = ""
    facts: Sequence[Fact] | Callable[[], Sequence[Fact]] = ()
    threshold: Decimal | None = None
    recovery: Decimal | None = None
    proven: Decimal | None = None
    successor_text: str = ""

    def value_for(self, *, fires: bool) -> Decimal:
        """Return what to hold against the levels: of what ``fires`` already only what is proven."""
        return self.proven if fires and self.proven is not None else self.value

    @cached_property
    def headline(self) -> str:
        """Return the words, worked out now if they were left for when somebody wants them."""
        return self.words() if callable(self.words) else self.words

    @cached_property
    def all_facts(self) -> list[list[str]]:
        """Return the facts, worked out now if they were left for when somebody wants them."""
        return [list(fact) for fact in (self.facts() if callable(self.facts) else self.facts)]


@dataclass(frozen=True)
class NoData:
    """Why a rule cannot say anything now: nothing was read yet, or not for too long."""

    reason: str


@dataclass(frozen=True)
class DataPoint:
    """One point of the past, for saying when a rule would have fired."""

    at: datetime
    value: Decimal
    subject: str = ""
    threshold: Decimal | None = None
    recovery: Decimal | None = None


Observations = Sequence[Observation] | NoData
ObserveFunction = Callable[[Sequence["Rule"], datetime], Mapping[int, Observations]]


def per_workspace(
    read: Callable[[Workspace, Sequence["Rule"], datetime], Mapping[int, Observations]],
) -> ObserveFunction:
    """Make what answers for the rules of one workspace answer for those of many, one workspace after another."""

    def read_all(rules: Sequence["Rule"], now: datetime) -> Mapping[int, Observations]:
        found: dict[int, Observations] = {}
        for some in group_by_workspace(rules):
            found |= read(some[0].workspace, some, now)
        return found

    return read_all


def group_by_workspace(rules: Iterable["Rule"]) -> list[list["Rule"]]:
    """Return the rules of each workspace together."""
    found: dict[int, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.workspace_id, []).append(rule)
    return list(found.values())


@dataclass(frozen=True)
class DefaultRule:
    """A rule that every workspace gets of this kind, or every one that asks for it."""

    name: str
    severity: str
    threshold: Decimal
    recovery: Decimal
    pending_seconds: int = 0
    repeat_seconds: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleKind:
    """One thing that rules can watch.

    ``read`` answers for all rules of this kind in any number of workspaces at once: in a number of queries that does
    not grow with rules or subjects, nor with workspaces where it can be helped. ``resources`` are the polls after
    which it is asked at once. ``describe`` says a rule's condition in words. ``parameters`` are the form fields beside
    threshold and recovery level. In kinds with ``descending`` a more severe rule must have the more extreme threshold.
    A flag has no levels to choose. Of a kind with ``required_because`` each workspace has one rule, which is never
    switched off or removed, for that reason. Defaults of a kind that is ``on_request`` are made where its app asks for
    them. Pages list kinds by ``place``. Kinds of one ``family`` tell of one trouble, and their e-mails share a thread.
    """

    name: str
    label: str
    explanation: str
    direction: Direction
    unit: str
    read: ObserveFunction
    describe: Callable[["Rule"], str]
    parameters: Mapping[str, Callable[[], forms.Field]] = field(default_factory=dict)
    resources: frozenset[str] = frozenset()
    defaults: tuple[DefaultRule, ...] = ()
    history: Callable[[Workspace, "Rule", datetime, datetime], Iterable[DataPoint]] | None = None
    descending: bool = False
    is_flag: bool = False
    required_because: str = ""
    on_request: bool = False
    position: int = 0
    family: str = ""


# What a workspace's regular summary says of an app's part: facts since a moment.
Summary = Callable[[Workspace, datetime], Sequence[Fact]]

_kinds: dict[str, RuleKind] = {}
_summaries: list[Summary] = []


def register(kind: RuleKind) -> RuleKind:
    """Make ``kind`` known; a second one of the same name is a programming error."""
    if kind.name in _kinds:
        raise ValueError(f"Two kinds of rule are called {kind.name}.")
    _kinds[kind.name] = kind
    return kind


def register_summary(summary: Summary) -> None:
    """Add facts to every regular summary."""
    if summary not in _summaries:
        _summaries.append(summary)


def kind_named(name: str) -> RuleKind | None:
    """Return the kind, or None for one that no installed app knows (any more)."""
    return _kinds.get(name)


def all_kinds() -> list[RuleKind]:
    """Return every registered kind, in the order in which pages list them."""
    return sorted(_kinds.values(), key=lambda kind: kind.position)


def family_of(name: str) -> str:
    """Return the family of a kind; a kind without one, or that nobody knows any more, is one of its own."""
    kind = kind_named(name)
    return (kind and kind.family) or name


def kinds_of_families(names: Iterable[str]) -> set[str]:
    """Return those kinds and all others of their families."""
    families = {family_of(name) for name in names}
    return families | {name for name in _kinds if family_of(name) in families}


def all_summaries() -> list[Summary]:
    """Return everything that has facts for a summary."""
    return list(_summaries)
