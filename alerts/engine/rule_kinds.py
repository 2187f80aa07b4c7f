"""Registry of rule kinds, filled by each app's ``rules.py`` when Django starts."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from django import forms
from django.utils.text import capfirst

from workspaces.models import Workspace

if TYPE_CHECKING:
    from alerts.models import Rule

Direction = Literal["below", "above"]
GROUPS = {1: "Credits", 3: "Keys", 4: "Webhooks", 5: "Connection"}  # by the tens of a kind's position
Fact = tuple[str, str]
P = ParamSpec("P")
T = TypeVar("T")
_reads: ContextVar[dict[Hashable, Any] | None] = ContextVar("reads", default=None)


@contextmanager
def shared_reads() -> Iterator[None]:
    """Have all rule kinds that are observed within the block share what they read."""
    token = _reads.set({})
    try:
        yield
    finally:
        _reads.reset(token)


def read_once(read: Callable[P, T]) -> Callable[P, T]:
    """Have ``read`` be called once for the same positional arguments within ``shared_reads``; outside, each time."""

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        known, name = _reads.get(), (read, args)
        if known is None:
            return read(*args, **kwargs)
        if name not in known:
            known[name] = read(*args, **kwargs)
        found: T = known[name]
        return found

    return reading


@dataclass(frozen=True)
class Observation:
    """The current value that a rule observes on one subject (a key, or "" for the workspace itself).

    ``words`` put it without the workspace's name: "412 credits left, about 2 days"; ``facts`` are shown beside it.
    Either may be a function if it is expensive: it is called only if there is an alert to show.
    ``threshold`` and ``recovery`` replace the rule's own where those are relative (per cent of a peak).
    ``certain_value`` is the part of the value that is certain, if that is worse: a firing alert ends only when this has
    recovered.
    ``ended_reason`` says why subjects that are no longer observed are over, if that is known.
    """

    value: Decimal
    words: str | Callable[[], str]
    subject: str = ""
    label: str = ""
    url: str = ""
    facts: Sequence[Fact] | Callable[[], Sequence[Fact]] = ()
    threshold: Decimal | None = None
    recovery: Decimal | None = None
    certain_value: Decimal | None = None
    ended_reason: str = ""

    def value_for(self, *, fires: bool) -> Decimal:
        """Return the value to compare with the levels; an alert that fires already is judged by the certain one."""
        return self.certain_value if fires and self.certain_value is not None else self.value

    @cached_property
    def headline(self) -> str:
        return self.words() if callable(self.words) else self.words

    @property
    def title(self) -> str:
        """Return the headline with a capital, unless it begins with the name of a key or an endpoint."""
        named = bool(self.label) and self.headline.startswith(self.label)
        return self.headline if named else capfirst(self.headline)

    @cached_property
    def all_facts(self) -> list[list[str]]:
        return [list(fact) for fact in (self.facts() if callable(self.facts) else self.facts)]


@dataclass(frozen=True)
class NoData:
    """Why a rule cannot be evaluated now: nothing was read yet, or the data is too old."""

    reason: str


@dataclass(frozen=True)
class DataPoint:
    """A value in the past, to find out when a rule would have fired."""

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
    """Adapt a function that observes one workspace to observe many, one after another."""

    def read_all(rules: Sequence["Rule"], now: datetime) -> Mapping[int, Observations]:
        found: dict[int, Observations] = {}
        for some in group_by_workspace(rules):
            found |= read(some[0].workspace, some, now)
        return found

    return read_all


def group_by_workspace(rules: Iterable["Rule"]) -> list[list["Rule"]]:
    found: dict[int, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.workspace_id, []).append(rule)
    return list(found.values())


@dataclass(frozen=True)
class DefaultRule:
    """A rule of this kind that each workspace gets, or each that asks for it."""

    name: str
    severity: str
    threshold: Decimal
    recovery: Decimal
    pending_seconds: int = 0
    repeat_seconds: int = 0
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleKind:
    """One thing that rules can watch.

    ``read`` observes all rules of this kind in any number of workspaces, in a number of queries that does not grow
    with rules or subjects and, if possible, not with workspaces. ``resources`` are the polls after which rules are
    evaluated at once. ``describe`` puts a rule's condition into words. ``parameters`` are the form fields beside
    threshold and recovery level. In kinds with ``descending`` a more severe rule must have the more extreme
    threshold. A flag has no levels to choose; those of other kinds are short of ``end``, which no value passes. Of a
    kind with ``required_because`` each workspace has one rule, which is never switched off or removed, for that
    reason. Defaults of a kind that is ``on_request`` are made where its app asks for them. Pages list kinds by
    ``position``, and group them by its tens. Kinds of one ``family`` report the same problem, and their e-mails
    share a thread.
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
    end: int | None = None
    required_because: str = ""
    on_request: bool = False
    position: int = 0
    family: str = ""

    @property
    def group(self) -> str:
        """Return the heading that pages list it under."""
        return GROUPS.get(self.position // 10, "Other")


# An app's facts for a workspace's regular summary, since a given time.
Summary = Callable[[Workspace, datetime], Sequence[Fact]]

_kinds: dict[str, RuleKind] = {}
_summaries: list[Summary] = []


def register(kind: RuleKind) -> RuleKind:
    """Add ``kind``. Raises ValueError if its name is taken."""
    if kind.name in _kinds:
        raise ValueError(f"Two kinds of rule are called {kind.name}.")
    _kinds[kind.name] = kind
    return kind


def register_summary(summary: Summary) -> None:
    if summary not in _summaries:
        _summaries.append(summary)


def kind_named(name: str) -> RuleKind | None:
    """Return the kind, or None if no installed app registers it."""
    return _kinds.get(name)


def all_kinds() -> list[RuleKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.position)


def family_of(name: str) -> str:
    """Return the family of a kind; a kind without one, or an unknown one, is its own family."""
    kind = kind_named(name)
    return (kind and kind.family) or name


def kinds_of_families(names: Iterable[str]) -> set[str]:
    families = {family_of(name) for name in names}
    return families | {name for name in _kinds if family_of(name) in families}


def all_summaries() -> list[Summary]:
    return list(_summaries)
