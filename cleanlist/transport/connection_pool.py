"""A connection pool that many async clients share, so that a worker opens no pool for each of a thousand accounts."""

from typing import Final, Self

from cleanlist.transport.options import TransportOptions

_OPTIONS: Final = TransportOptions("http://localhost")  # each request has a full URL of its own


class Connections:
    """A pool for clients of any base URL and credential. It serves one event loop; its creator closes it.

    Nothing of one client reaches another: credentials travel with each request, and cookies are not kept.
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
