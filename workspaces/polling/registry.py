"""What can be polled: filled by each app's ``polls.py`` when Django starts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cleanlist import AsyncClient
from workspaces.models import Poll, Workspace

CredentialKind = Literal["api_key", "session"]


def _always(_: Workspace) -> bool:
    return True


@dataclass(frozen=True)
class Resource:
    """One kind of thing that is fetched from upstream and kept in the mirror.

    ``fetch`` does the network and touches no database; ``land`` writes what was fetched, inside a transaction, and
    may be run twice with the same answer. ``endpoint`` is what upstream counts for its rate limit. A resource with
    subjects (the request log: one per key) has its rows made by whoever lands the subjects.
    """

    name: str
    label: str
    credential: CredentialKind
    endpoint: str
    interval_seconds: Callable[[], int]
    fetch: Callable[[AsyncClient, Poll], Awaitable[Any]]
    land: Callable[[Poll, Any, datetime], None]
    has_subjects: bool = False
    wanted: Callable[[Workspace], bool] = _always


_resources: dict[str, Resource] = {}


def register(resource: Resource) -> Resource:
    """Make ``resource`` known to the engine; a second one of the same name is a programming error."""
    if resource.name in _resources:
        raise ValueError(f"Two resources are called {resource.name}.")
    _resources[resource.name] = resource
    return resource


def resource_named(name: str) -> Resource:
    """Return the resource. Raises KeyError for a name that no app has registered."""
    return _resources[name]


def all_resources() -> list[Resource]:
    """Return every registered resource, in order of name."""
    return [_resources[name] for name in sorted(_resources)]
