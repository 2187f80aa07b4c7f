"""The ASGI application: limits the size and time of requests, then lets Django answer in a thread."""

import multiprocessing
import os
import signal
from collections.abc import Callable

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.embedded.parent_death import end_with_parent
from config.front import ClientDisconnected, Receive, RequestRefused, Scope, Send
from config.front.limits import BodyReader, check_head, discard
from config.front.thread_pool import WsgiThreadPool
from config.gc_freeze import freeze_loaded_objects
from config.web.headers import HEADERS

RETRY_SECONDS = 30


class Application:
    """Sits between the web server and Django."""

    def __init__(
        self, threads: WsgiThreadPool, bodies: BodyReader, head_limit: int, count: Callable[[str], None]
    ) -> None:
        self._threads = threads
        self._bodies = bodies
        self._head_limit = head_limit
        self._count = count  # counts refused requests by status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. WebSockets are not supported."""
        if scope["type"] != "http":
            return
        try:
            check_head(scope, self._head_limit)
            async with self._bodies.body_of(scope, receive) as body:
                await self._threads.serve(scope, body, receive, send)
        except RequestRefused as refused:
            self._count(str(refused.status))
            if refused.status == 413:
                await discard(receive)
            await _refuse(refused, send)
        except ClientDisconnected:
            return


async def _refuse(refused: RequestRefused, send: Send) -> None:
    """Respond with the reason only: nothing of the request is echoed or logged."""
    body = f"{refused.message}\n".encode()
    headers = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
    if refused.status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _build_application() -> Application:
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        # A forked worker has its parent's handler, which only notes SIGTERM for the parent's own loop. Until it serves
        # and granian sets the worker's, the signal has to end it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Otherwise workers outlive a killed server and keep its port, so that a new one cannot start.
        end_with_parent(parent.pid)
    django = get_wsgi_application()
    from config.front.meters import REFUSED  # noqa: PLC0415 - models can be imported from here on
    from workspaces.polling import metrics_store  # noqa: PLC0415

    metrics_store.start()
    bodies = BodyReader(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.BODY_SECONDS)
    return Application(
        WsgiThreadPool(django, settings.WEB_THREADS), bodies, settings.MAX_HEADER_KB * 1024, REFUSED.count
    )


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = _build_application()
freeze_loaded_objects()
