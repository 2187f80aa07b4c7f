"""What the API client costs on top of what it is built on.

Loopback, a stub that answers at once, both sides in turn so that a busy machine hits both alike. Prints requests
per second, the median over rounds, and the ratio of the two. Run: `python -m bench.client_throughput`.
"""

import asyncio
import multiprocessing
import socket
import statistics
import time
from collections.abc import Awaitable, Callable

from httpx_aiohttp import HttpxAiohttpClient

from cleanlist import ApiKeyCredential, AsyncClient, Client

BODY = b'{"organization_id": "org_1", "credits": 4820.5}'
PATH = "/api/v1/public/credits/balance"
ROUNDS, REQUESTS, CONNECTIONS = 5, 1500, (1, 4, 16, 64)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Stub(asyncio.Protocol):
    """Answers each request alike."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as many times as there are requests in what came."""
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


def serve(listening: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, sock=listening)
        await server.serve_forever()

    asyncio.run(forever())


async def rate(ask: Callable[[], Awaitable[object]], connections: int) -> float:
    async def worker() -> None:
        for _ in range(REQUESTS // connections):
            await ask()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return REQUESTS // connections * connections / (time.perf_counter() - started)


async def compare(url: str) -> None:
    key = "clapi_" + "A" * 64
    async with AsyncClient(url, ApiKeyCredential(key)) as ours, HttpxAiohttpClient(base_url=url) as bare:
        headers = {"Authorization": f"Bearer {key}"}
        sides = [lambda: bare.get(PATH, headers=headers), ours.credits.balance]
        for connections in CONNECTIONS:
            rounds = [[await rate(ask, connections) for ask in sides] for _ in range(ROUNDS)]
            theirs, own = (statistics.median(side) for side in zip(*rounds, strict=True))
            print(f"async, {connections:2} connections: bare {theirs:6,.0f}/s, ours {own:6,.0f}/s = {own / theirs:.2f}")


def sync_rate(url: str) -> float:
    with Client(url, ApiKeyCredential("clapi_" + "A" * 64)) as client:
        client.credits.balance()
        started = time.perf_counter()
        for _ in range(REQUESTS):
            client.credits.balance()
        return REQUESTS / (time.perf_counter() - started)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        stub = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
        stub.start()
        try:
            asyncio.run(compare(url))
            print(f"sync, 1 connection: {sync_rate(url):,.0f}/s")
        finally:
            stub.terminate()


if __name__ == "__main__":
    main()
