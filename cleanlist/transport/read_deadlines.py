"""A deadline for socket reads of the sync client.

httpx limits each wait for data, not their sum: a server that sends its headers byte by byte could occupy a thread for
hours. httpcore accepts a network backend, but httpx 0.28 has no argument to pass one on, hence the assignment to a
private name below, which `tests/cleanlist/test_network.py` covers.
"""

import ssl
from typing import Any

import httpcore
import httpx

from cleanlist.timeouts import DeadlineTimeout


def enforce_read_deadlines(client: httpx.Client) -> None:
    """Make all connections of a client respect the deadline in their timeouts."""
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - see the module docstring
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _DeadlineBackend()  # noqa: SLF001 - see the module docstring


class _DeadlineBackend(httpcore.SyncBackend):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _DeadlineStream(super().connect_tcp(*args, **kwargs))


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if isinstance(timeout, DeadlineTimeout):
            if timeout.deadline.passed():
                raise httpcore.ReadTimeout("the total time is used up")
            timeout = min(timeout, max(timeout.deadline.remaining(), 0.001))
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
