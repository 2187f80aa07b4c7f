"""Connections that many async clients share: a worker that polls a thousand accounts opens no pool for each."""

from typing import Final, Self

from cleanlist.wire import Line

_SOMEWHERE: Final = Line("http://localhost")  # each request names its own address in full


class Connections:
    """One pool for clients of any address and credential; it serves one event loop, and who made it closes it.

    Nothing of one client reaches another: credentials travel with each request, and cookies are not kept.
    """

    def __init__(self) -> None:
        from cleanlist import over_aiohttp  # noqa: PLC0415 - as its text says

        self.http: Final = over_aiohttp.cookieless_client(_SOMEWHERE.options())

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
