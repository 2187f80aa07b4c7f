"""The registry of resources to poll; each app's ``polls.py`` fills it when Django starts."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog

from cleanlist import AsyncClient
from workspaces.models import Poll, Workspace

logger = structlog.get_logger(__name__)
CredentialKind = Literal["api_key", "session"]
# The resources that more than one package means. Of keys, the full list needs a session and the light one an API key.
BALANCE, KEYS, LIGHT_KEYS, REQUEST_LOG = "balance", "keys", "public_keys", "requests"


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
    """One kind of data that is fetched from upstream and kept in the mirror.

    ``fetch`` calls upstream and must not touch the database. ``ingest`` writes the fetched data, inside a transaction,
    and may run twice with the same data. ``endpoint`` is the name that upstream's rate limit counts calls under. The
    polls of a resource with subjects (the request log has one per key) are created by the code that ingests the
    subjects; ``subject`` is what pages call one of them. ``note`` returns a sentence for the polling page, or nothing.
    ``longest_wait_seconds`` is the longest back-off after failures. ``limit_per_minute`` replaces the organization's
    rate limit where it is lower. ``settled`` returns the keys of those polls for which ``ingest`` would change nothing
    if the answer is the one that was ingested last; without it, each answer is ingested.
    """

    name: str
    label: str
    credential: CredentialKind
    endpoint: str
    interval_seconds: Callable[[], int]
    fetch: Callable[[AsyncClient, Poll], Awaitable[object]]
    ingest: Callable[[Poll, Any, datetime], None]
    has_subjects: bool = False
    subject: str = ""
    wanted: Callable[[Workspace], bool] = _always
    subject_names: Callable[[Workspace], dict[str, str]] = _unnamed
    note: Callable[[Workspace], str] = _nothing
    longest_wait_seconds: Callable[[], int] = _quarter_of_an_hour
    limit_per_minute: int | None = None
    settled: Callable[[Sequence[Poll], datetime], Collection[int]] | None = None


_resources: dict[str, Resource] = {}


def register(resource: Resource) -> Resource:
    """Register ``resource`` with the engine. Raises ValueError if the name is taken."""
    if resource.name in _resources:
        raise ValueError(f"Two resources are called {resource.name}.")
    _resources[resource.name] = resource
    return resource


def resource_named(name: str) -> Resource:
    """Return the resource. Raises KeyError for a name that no app has registered."""
    return _resources[name]


def is_registered(name: str) -> bool:
    return name in _resources


def all_resources() -> list[Resource]:
    """Return all registered resources, sorted by name."""
    return [_resources[name] for name in sorted(_resources)]


_listeners: list[Callable[[Sequence[Poll]], None]] = []


def on_ingested(listener: Callable[[Sequence[Poll]], None]) -> None:
    """Have ``listener`` called with the polls of each batch that was ingested, after the commit."""
    if listener not in _listeners:
        _listeners.append(listener)


def notify_ingested(polls: Sequence[Poll]) -> None:
    """Call the listeners. An exception in one is logged and stops neither the polls nor the other listeners."""
    for listener in _listeners:
        try:
            listener(polls)
        except Exception:
            logger.exception("listener_failed", polls=len(polls))
