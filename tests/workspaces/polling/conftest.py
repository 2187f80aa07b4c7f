from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from cleanlist.errors import ServerFailed
from workspaces.models import Poll
from workspaces.polling import rate_limiter, registry
from workspaces.polling.registry import Resource


class Upstream:
    """A resource of the tests' own: answers what it is told to, and keeps what was ingested."""

    def __init__(self) -> None:
        self.answer: Any = "fresh"
        self.ingested: list[tuple[Poll, Any, datetime]] = []
        self.fetched = 0
        self.failing_subject: str | None = None
        self.unstorable_subject: str | None = None
        # What a test may have done instead of the fetch, and before the landing.
        self.on_fetch: Any = None
        self.on_ingest: Any = None

    async def fetch(self, client, poll) -> Any:
        self.fetched += 1
        if poll.subject == self.failing_subject:
            raise ServerFailed("down", status=500)
        if isinstance(self.answer, Exception):
            raise self.answer
        return await self.on_fetch(client, poll) if self.on_fetch else self.answer

    def ingest(self, poll, data, read_at) -> None:
        if poll.subject == self.unstorable_subject:
            raise DatabaseError("the disk is full")
        if self.on_ingest:
            self.on_ingest(poll, data, read_at)
        self.ingested.append((poll, data, read_at))


@pytest.fixture(autouse=True)
def unused_rate_limit():
    rate_limiter.connection().flushdb()


@pytest.fixture
def upstream(monkeypatch):
    fake = Upstream()
    resource = Resource(
        name="weather",
        label="Weather",
        credential="api_key",
        endpoint="weather",
        interval_seconds=lambda: 60,
        fetch=fake.fetch,
        ingest=fake.ingest,
    )
    monkeypatch.setitem(registry._resources, "weather", resource)
    return fake


@pytest.fixture
def poll(workspace, upstream):
    return Poll.objects.create(workspace=workspace, resource="weather", interval_seconds=60, next_run_at=timezone.now())
