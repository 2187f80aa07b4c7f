"""A kombu transport for Redis that survives foreign data, which ends or blocks a worker with kombu's own."""

from collections.abc import Callable
from typing import Any

import structlog
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.transport import redis
from kombu.utils.encoding import bytes_to_str
from redis.exceptions import ResponseError

log = structlog.get_logger(__name__)

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, ContentDisallowed, DecodeError)


class QoS(redis.QoS):
    """Drops invalid data stored as unfinished tasks."""

    def restore_by_tag(self, tag: Any, client: object = None, leftmost: bool = False) -> None:
        """Return an unfinished task to its queue."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except _UNREADABLE as error:
            log.warning("message_dropped", reason=type(error).__name__)
            self._remove_from_indices(tag).execute()  # type: ignore[attr-defined]  # kombu's stubs leave it out


_Channel: Any = redis.Channel  # kombu's stubs leave out what is overridden here


class Channel(_Channel):  # type: ignore[misc]
    """Drops and logs data that Celery did not write; with kombu, the worker would end or retry for ever."""

    do_restore = False  # a lost tick does no harm, and the connection may be gone as well
    QoS = QoS

    def _brpop_read(self, **options: object) -> object:
        before = self._newest_delivery()
        try:
            return self._mended(super()._brpop_read, **options)
        except _UNREADABLE as error:
            log.warning("message_dropped", reason=type(error).__name__)
            # Otherwise it would count as a running task, and once there are as many as threads, no task is taken.
            if (tag := self._newest_delivery()) != before:
                self.qos.ack(tag)
            return None

    def _newest_delivery(self) -> object:
        return next(reversed(self.qos._delivered or {}), None)  # noqa: SLF001 - kombu has no other way to tell

    def _queue_bind(self, *where: object) -> None:
        if self._mended(super()._queue_bind, *where) is _RETRY:
            super()._queue_bind(*where)

    def get_table(self, exchange: str) -> object:
        found = self._mended(super().get_table, exchange)
        return super().get_table(exchange) if found is _RETRY else found

    def _mended(self, read: Callable[..., object], *args: object, **options: object) -> object:
        """Return the result of ``read``; _MENDED if it met a key of the wrong type, which is then deleted."""
        try:
            return read(*args, **options)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            self._drop_keys_of_a_wrong_kind()
            return _RETRY

    def _drop_keys_of_a_wrong_kind(self) -> None:
        name = self._q_for_pri
        queues = {name(queue, step) for queue in self.active_queues for step in self.priority_steps}
        kinds = {self.unacked_key: "hash", self.unacked_index_key: "zset", **dict.fromkeys(queues, "list")}
        with self.conn_or_acquire() as client:
            tables = [bytes_to_str(key) for key in client.scan_iter(match=self.keyprefix_queue % "*")]
            for key, kind in (kinds | dict.fromkeys(tables, "set")).items():
                if bytes_to_str(client.type(key)) not in {kind, "none"}:
                    client.delete(key)
                    log.warning("key_of_a_wrong_kind_dropped", key=key)


_RETRY = object()


class Transport(redis.Transport):
    """Kombu's transport with this channel."""

    Channel = Channel
