"""What the web server calls: sizes and times are limited first, then Django answers in a thread."""

import multiprocessing
import os
from collections.abc import Callable

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.embedded.follow import follow
from config.front import Gone, Receive, Refused, Scope, Send
from config.front.limits import Bodies, check_head, discard
from config.front.threads import Threads
from config.memory import keep_what_is_loaded
from config.web.headers import HEADERS

RETRY_SECONDS = 30


class Front:
    """Sits between the web server and Django."""

    def __init__(self, threads: Threads, bodies: Bodies, head_limit: int, count: Callable[[str], None]) -> None:
        self._threads = threads
        self._bodies = bodies
        self._head_limit = head_limit
        self._count = count  # of what is refused, by status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there are no WebSockets here."""
        if scope["type"] != "http":
            return
        try:
            check_head(scope, self._head_limit)
            async with self._bodies.body_of(scope, receive) as body:
                await self._threads.serve(scope, body, receive, send)
        except Refused as refused:
            self._count(str(refused.status))
            if refused.status == 413:
                await discard(receive)
            await _refuse(refused, send)
        except Gone:
            return


async def _refuse(refused: Refused, send: Send) -> None:
    """Say why, and nothing of what was sent: it is not even logged."""
    body = f"{refused.message}\n".encode()
    headers = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
    if refused.status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _begin() -> Front:
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        # Or those that answer outlive a server that was killed, keep its port, and a new one cannot start.
        follow(parent.pid)
    django = get_wsgi_application()
    from config.front.metering import REFUSED  # noqa: PLC0415 - models can be imported from here on
    from workspaces.polling import meters  # noqa: PLC0415

    meters.begin()
    bodies = Bodies(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.BODY_SECONDS)
    return Front(Threads(django, settings.WEB_THREADS), bodies, settings.MAX_HEADER_KB * 1024, REFUSED.count)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = _begin()
keep_what_is_loaded()
