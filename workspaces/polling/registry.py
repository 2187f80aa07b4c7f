"""What can be polled: filled by each app's ``polls.py`` when Django starts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog

from cleanlist import AsyncClient
from workspaces.models import Poll, Workspace

logger = structlog.get_logger(__name__)
CredentialKind = Literal["api_key", "session"]


def _always(_: Workspace) -> bool:
    return True


def _nothing(_: Workspace) -> str:
    return ""


def _quarter_of_an_hour() -> int:
    return 15 * 60


def _unnamed(_: Workspace) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Resource:
    """One kind of thing that is fetched from upstream and kept in the mirror.

    ``fetch`` does the network and touches no database; ``land`` writes what was fetched, inside a transaction, and
    may be run twice with the same answer. ``endpoint`` is what upstream counts for its rate limit. A resource with
    subjects (the request log: one per key) has its rows made by whoever lands the subjects, and calls one of them
    ``subject`` on pages. ``note`` is a sentence
    for the polling page, where there is more to say of it. ``longest_wait_seconds`` is how far failures back off.
    ``limit_per_minute`` is what the console's share is taken of, where that is less than an organization's limit.
    """

    name: str
    label: str
    credential: CredentialKind
    endpoint: str
    interval_seconds: Callable[[], int]
    fetch: Callable[[AsyncClient, Poll], Awaitable[Any]]
    ingest: Callable[[Poll, Any, datetime], None]
    has_subjects: bool = False
    subject: str = ""
    wanted: Callable[[Workspace], bool] = _always
    subject_names: Callable[[Workspace], dict[str, str]] = _unnamed
    note: Callable[[Workspace], str] = _nothing
    longest_wait_seconds: Callable[[], int] = _quarter_of_an_hour
    limit_per_minute: int | None = None


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


def is_registered(name: str) -> bool:
    """Return whether an app has registered a resource of that name."""
    return name in _resources


def all_resources() -> list[Resource]:
    """Return every registered resource, in order of name."""
    return [_resources[name] for name in sorted(_resources)]


_listeners: list[Callable[[Sequence[Poll]], None]] = []


def on_ingested(listener: Callable[[Sequence[Poll]], None]) -> None:
    """Have ``listener`` called with the polls of a batch whose answers were stored, once those are committed."""
    if listener not in _listeners:
        _listeners.append(listener)


def notify_ingested(polls: Sequence[Poll]) -> None:
    """Tell the listeners; one that fails is logged and keeps neither the polls nor the others from going on."""
    for listener in _listeners:
        try:
            listener(polls)
        except Exception:
            logger.exception("listener_failed", polls=len(polls))
