"""A connection pool for many async clients, so that a worker does not open one for each of a thousand accounts."""

from typing import Final, Self

from cleanlist.transport.options import TransportOptions

_OPTIONS: Final = TransportOptions("http://localhost")  # each request has its own full URL


class Connections:
    """A pool for clients of any base URL and credential. It serves one event loop; its creator closes it.

    Clients stay isolated: credentials are sent with each request, and cookies are not kept.
    """

    def __init__(self) -> None:
        from cleanlist.transport import aiohttp_client  # noqa: PLC0415 - slow to import

        self.http: Final = aiohttp_client.create_shared_client(_OPTIONS.client_arguments())

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
