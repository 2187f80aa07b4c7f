"""How workers read Redis: what is no message there ends none of them."""

from typing import Any

import structlog
from kombu.transport import redis

log = structlog.get_logger(__name__)


class Channel(redis.Channel):
    """Drops what was not put there by Celery, and says so; kombu lets the worker end with it."""

    do_restore = False  # a tick that nobody worked on is not missed; the way back may be gone as well

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # kombu's stubs leave it out
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            log.warning("message_dropped", reason=type(error).__name__)
            return None


class Transport(redis.Transport):
    """Kombu's own, with that channel."""

    Channel = Channel
