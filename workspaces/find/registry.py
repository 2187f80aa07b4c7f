"""The registry of what can be found; each app's ``finders.py`` fills it when Django starts.

A ``Finder`` asks the database, a ``Destination`` is a page or an action with a fixed name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.urls import reverse

from workspaces.find.query import Kind, Query
from workspaces.models import Role, User, Workspace

MOST_OF_A_KIND = 6  # results of one finder


@dataclass(frozen=True)
class Search:
    """A query, who asks, and where: ``workspace`` and ``role`` are None outside of workspaces."""

    query: Query
    user: User
    workspace: Workspace | None = None
    role: Role | None = None

    @property
    def text(self) -> str:
        return self.query.text

    @property
    def here(self) -> Workspace:
        """Return the workspace, for finders that are only used in one."""
        assert self.workspace is not None  # noqa: S101 - their role says so
        return self.workspace

    def allows(self, role: Role | None) -> bool:
        """Return whether the person has ``role`` here; None needs no workspace."""
        return role is None or (self.role is not None and self.role.includes(role))


@dataclass(frozen=True)
class Found:
    """One result: what it is called, its page, and what distinguishes it from similar ones."""

    label: str
    url: str
    detail: str = ""


@dataclass(frozen=True)
class Finder:
    """Finds things of one sort.

    ``find`` returns the best results first, in a fixed number of queries that an index answers, and only what ``role``
    may see in the workspace; with None as role it also runs outside of one, and restricts itself to what the user may
    see. It is called for queries of one of ``kinds``. ``rank`` orders the groups of results.
    """

    name: str
    label: str
    icon: str
    find: Callable[[Search], Iterable[Found]]
    rank: int
    kinds: frozenset[Kind] = frozenset({Kind.WORDS})
    role: Role | None = Role.VIEWER


def _anybody(_: User) -> bool:
    return True


@dataclass(frozen=True)
class Destination:
    """A page, or with ``is_action`` one that does something, found by its label and by other ``words`` for it.

    ``role`` is the one its view needs; None for pages outside of workspaces, whose view ``is_allowed`` repeats.
    ``suffix`` is a query string or a fragment.
    """

    label: str
    url_name: str
    words: str = ""
    role: Role | None = Role.VIEWER
    is_action: bool = False
    suffix: str = ""
    is_allowed: Callable[[User], bool] = _anybody

    def url(self, workspace: Workspace | None) -> str:
        arguments = [workspace.slug] if self.role and workspace else []
        return reverse(self.url_name, args=arguments) + self.suffix

    def matches(self, text: str) -> bool:
        """Return whether each word of ``text`` begins one of the words it is known by."""
        known = f"{self.label} {self.words}".lower().split()
        return all(any(word.startswith(part) for word in known) for part in text.lower().split())


@dataclass(frozen=True)
class Group:
    """The results of one finder."""

    name: str
    label: str
    icon: str
    found: Sequence[Found]


_finders: dict[str, Finder] = {}
_destinations: list[Destination] = []


def register(*finders: Finder) -> None:
    """Register ``finders``. Raises ValueError if a name is taken."""
    for finder in finders:
        if finder.name in _finders:
            raise ValueError(f"Two finders are called {finder.name}.")
        _finders[finder.name] = finder


def register_destinations(*destinations: Destination) -> None:
    _destinations.extend(destinations)


def all_destinations() -> Sequence[Destination]:
    return tuple(_destinations)


def find(search: Search) -> list[Group]:
    """Return the results by finder, without empty groups; those that begin with the text come first.

    An empty query finds all pages and actions.
    """
    ranked = [*_find_destinations(search)]
    for finder in _finders.values():
        if finder.kinds & search.query.kinds and search.allows(finder.role):
            found = tuple(islice(finder.find(search), MOST_OF_A_KIND))
            ranked.append((finder.rank, Group(finder.name, finder.label, finder.icon, found)))
    begins = search.text.lower()

    def order(one: tuple[int, Group]) -> tuple[bool, int]:
        rank, group = one
        return not any(result.label.lower().startswith(begins) for result in group.found), rank

    return [group for _, group in sorted(ranked, key=order) if group.found]


def _find_destinations(search: Search) -> Iterator[tuple[int, Group]]:
    matching = sorted(
        (
            one
            for one in _destinations
            if search.allows(one.role) and one.is_allowed(search.user) and one.matches(search.text)
        ),
        key=lambda one: (not one.label.lower().startswith(search.text.lower()), one.label),
    )
    most = MOST_OF_A_KIND if search.text else len(matching)
    for rank, name, label, icon in ((12, "actions", "Actions", "play"), (14, "pages", "Pages", "list")):
        chosen = [
            Found(one.label, one.url(search.workspace)) for one in matching if one.is_action == (name == "actions")
        ]
        yield rank, Group(name, label, icon, chosen[:most])
