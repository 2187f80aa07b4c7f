"""Calls upstream. All fetches of a process share one event loop, which has its own thread, and one connection pool.

The loop outlives tasks, so connections stay open from one poll to the next. No fetch touches the database.
"""

import asyncio
import atexit
import hashlib
import os
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from cleanlist import AsyncClient, Connections
from cleanlist.errors import CleanlistError
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, NotConnected, polling_client
from workspaces.models import Poll
from workspaces.polling.registry import Resource, resource_named

# How long the same answer may go without being ingested. Ingest also depends on the version of the console, on settings
# and on rows that may be lost, which nobody announces.
INGEST_AGAIN_SECONDS = 600
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FetchResult:
    """The result of one poll: data, or an error, or how long to hold it.

    Two answers with the same ``fingerprint`` are the same, byte for byte; it is empty if that does not matter.
    """

    poll: Poll
    data: object = None
    error: Exception | None = None
    hold_seconds: float = 0.0
    fetched_at: datetime | None = None
    fingerprint: str = ""


class FetchQueue:
    """The calls in flight of one worker thread, and the queue of their results."""

    def __init__(self) -> None:
        self._loop, self._connections = _begun_loop()
        self._tasks: set[asyncio.Task[FetchResult]] = set()  # used only by the loop's thread
        self._arrived: queue.SimpleQueue[FetchResult] = queue.SimpleQueue()

    def begin(self, polls: Iterable[Poll], started_at: datetime) -> None:
        """Start the calls; their results arrive in the order in which upstream responds.

        ``started_at`` is the current time by the database's clock, and becomes ``fetched_at`` of the results.
        """
        self._loop.call_soon_threadsafe(self._start, list(polls), started_at)

    def arrived(self, most: int, patience: float) -> list[FetchResult]:
        """Return up to ``most`` results; wait up to ``patience`` seconds for the first."""
        answers: list[FetchResult] = []
        try:
            answers.append(self._arrived.get(timeout=patience))
            while len(answers) < most:
                answers.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return answers

    def cancel(self) -> None:
        """Cancel the calls in flight."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()

    def _start(self, polls: list[Poll], started_at: datetime) -> None:
        for poll in polls:
            task = self._loop.create_task(_fetch(poll, self._connections, started_at))
            self._tasks.add(task)
            task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[FetchResult]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._arrived.put(task.result())

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _fetch(poll: Poll, connections: Connections, started_at: datetime) -> FetchResult:
    """Return the response of upstream, or any exception, as a result.

    It is dated ``started_at``, before the call, so whatever the response shows was true then or later.
    """
    try:
        resource = resource_named(poll.resource)
        client = polling_client(poll.workspace, resource.credential, connections)
        data = await resource.fetch(client, poll)
    except (CleanlistError, NotConnected, AddressNotAllowed, DecryptionError) as error:
        return FetchResult(poll, error=error)
    except Exception as error:
        logger.exception("fetch_failed", resource=poll.resource, workspace=poll.workspace_id)
        return FetchResult(poll, error=error)
    return FetchResult(poll, data, fetched_at=started_at, fingerprint=_fingerprint(poll, resource, client, started_at))


def _fingerprint(poll: Poll, resource: Resource, client: AsyncClient, started_at: datetime) -> str:
    if resource.settled is None or client.last_body is None:
        return ""
    # Another one every ten minutes, at another time for each poll.
    period = (int(started_at.timestamp()) + 61 * poll.pk) // INGEST_AGAIN_SECONDS
    context = f"{poll.pk} {period} {poll.workspace.rate_limited_as} {poll.workspace.scopes} ".encode()
    return hashlib.blake2b(context + client.last_body, digest_size=16).hexdigest()


_loop: tuple[asyncio.AbstractEventLoop, Connections] | None = None
_beginning = threading.Lock()


def _begun_loop() -> tuple[asyncio.AbstractEventLoop, Connections]:
    global _loop  # noqa: PLW0603 - one loop a process, begun when first needed
    with _beginning:
        if _loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="fetches", daemon=True).start()
            _loop = loop, Connections()
        return _loop


def _forget_loop() -> None:
    """Start afresh in a forked process, because threads do not survive a fork."""
    global _loop, _beginning
    _loop, _beginning = None, threading.Lock()


def _end_loop() -> None:
    if _loop is not None:
        loop, connections = _loop
        asyncio.run_coroutine_threadsafe(connections.close(), loop).result(1)
        loop.call_soon_threadsafe(loop.stop)


os.register_at_fork(after_in_child=_forget_loop)
atexit.register(_end_loop)
