"""Files that are sent while they are made: a few at a time, and each for a limited time."""

from collections.abc import Iterator, Mapping

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.errors import error_response, overloaded

from .connections import abort_connection

MAX_DOWNLOADS = 8
# The longest file takes seconds; who reads it for longer keeps its place from others.
MAX_SECONDS = 300
# While all places are taken, who has read for longer than this makes room for the next one.
MAX_SECONDS_IF_FULL = 20


class Downloads:
    """Counts the downloads that run. Used from the event loop only, so it needs no lock."""

    def __init__(self) -> None:
        self._started: dict[anyio.CancelScope, float] = {}

    @property
    def running(self) -> int:
        """How many places are taken."""
        return len(self._started)

    def has_room(self) -> bool:
        """Return whether there is a place, if need be that of the one who has read for longest."""
        if self.running < MAX_DOWNLOADS:
            return True
        oldest, started = next(iter(self._started.items()))
        if anyio.current_time() - started < MAX_SECONDS_IF_FULL:
            return False
        oldest.cancel()
        self.leave(oldest)
        return True

    def enter(self, limit: anyio.CancelScope) -> None:
        """Take a place."""
        self._started[limit] = anyio.current_time()

    def leave(self, limit: anyio.CancelScope) -> None:
        """Give the place back, if it was not given to another one."""
        self._started.pop(limit, None)


class Download(StreamingResponse):
    """A file, or a 503 while too many are sent."""

    def __init__(
        self, content: Iterator[str], downloads: Downloads, *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._downloads = downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what takes too long ends with its connection."""
        if not self._downloads.has_room():
            problem = f"{MAX_DOWNLOADS} files are being downloaded, which is the most."
            await error_response(scope["path"], overloaded(problem), anywhere=True)(scope, receive, send)
            return
        limit = anyio.CancelScope(deadline=anyio.current_time() + MAX_SECONDS)
        self._downloads.enter(limit)
        try:
            with limit:
                await super().__call__(scope, receive, send)
            if limit.cancelled_caught:
                abort_connection(scope)
        finally:
            self._downloads.leave(limit)
