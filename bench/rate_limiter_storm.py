"""Do the console's calls stay within their share when upstream answers 429 by the dozen? Counted at its side.

Run: python -m bench.rate_limiter_storm [seconds]. SQLite by default; with DATABASE_URL, a scratch database beside it.
Several workers, processes of their own, poll a few organizations that have far more to read than the share allows, for
10 minutes. Upstream is a stub: it counts what arrives by organization and endpoint, and every other 20 seconds it
answers 429, with a Retry-After that is short, long, or not there. What counts is upstream's side: no minute by the
clock, and no 60 seconds at all, may hold more calls than the share.
"""

import asyncio
import multiprocessing
import random
import socket
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from bench.scratch import FOLDER, surroundings  # first: it chooses the settings

# ruff: isort: split
from django.conf import settings
from django.db import connection, connections

from cleanlist import Secret
from core.encryption import EncryptedValue
from usage.polls import fetch_balance
from workspaces.models import Poll, Workspace
from workspaces.polling import Resource, engine, rate_limiter, register

WORKERS, ORGANIZATIONS, SUBJECTS = 3, 3, 40
STORM_SECONDS = 20
ARRIVALS = FOLDER / "arrivals.txt"
BODY = b'{"organization_id": "org_1", "credits": 4820.5}'
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
REFUSALS = [
    b"HTTP/1.1 429 Too Many Requests\r\n%bcontent-length: 0\r\n\r\n" % header
    for header in (b"", b"retry-after: 0\r\n", b"retry-after: 1\r\n", b"retry-after: 7\r\n", b"retry-after: 30\r\n")
]

for name, endpoint in (("first", "credits/balance"), ("second", "whoami")):
    register(
        Resource(
            name=name,
            label=name,
            credential="api_key",
            endpoint=endpoint,
            interval_seconds=lambda: 10,
            fetch=fetch_balance if name == "first" else lambda client, _: client.whoami(),
            ingest=lambda *_: None,
            has_subjects=True,
        )
    )


class Stub(asyncio.Protocol):
    """Notes each call when it arrives, and refuses it while there is a storm."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the request in ``data``; the clients send one at a time."""
        now, (path, key) = time.time(), (data.split(b" ", 2)[1], data.lower().split(b"clapi_")[1][:4])
        refused = now % (2 * STORM_SECONDS) < STORM_SECONDS
        with ARRIVALS.open("a") as file:
            file.write(f"{now}\t{key.decode()}\t{path.decode()}\t{int(refused)}\n")
        self.transport.write(random.choice(REFUSALS) if refused else OK)  # noqa: S311 - no secret


def serve(listening: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Stub, sock=listening)
        await server.serve_forever()

    asyncio.run(forever())


def work(ends_at: float) -> None:
    """Poll as a worker does on each tick."""
    while time.time() < ends_at:
        engine.run_turn()
        time.sleep(0.2)


def populate(url: str) -> None:
    for number in range(ORGANIZATIONS):
        workspace = Workspace.objects.create(
            name=f"W{number}", slug=f"w{number}", base_url=url, organization_id=f"org-{number}",
            api_key=EncryptedValue.encrypt(Secret(f"clapi_{number:04d}" + "A" * 60)),
        )  # fmt: skip
        Poll.objects.bulk_create(
            Poll(workspace=workspace, resource=name, subject=f"s{n}", interval_seconds=10)
            for name in ("first", "second")
            for n in range(SUBJECTS)
        )


def busiest(moments: list[float]) -> tuple[int, int]:
    """Return the most calls in a minute by the clock, and in any 60 seconds."""
    by_clock = max(Counter(int(moment // 60) for moment in moments).values())
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= rate_limiter.WINDOW_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return by_clock, most


def report(seconds: int) -> bool:
    calls: dict[tuple[str, str], list[float]] = defaultdict(list)
    refused = 0
    for line in ARRIVALS.read_text().splitlines():
        moment, key, path, was_refused = line.split("\t")
        calls[key, path].append(float(moment))
        refused += int(was_refused)
    total, share = sum(map(len, calls.values())), rate_limiter.share()
    print(f"{connection.vendor}, {WORKERS} workers, {seconds} s: {total} calls, {refused} of them answered 429")
    by_clock, in_any = (max(counts) for counts in zip(*(busiest(sorted(one)) for one in calls.values()), strict=True))
    print(f"share: {share} a minute and endpoint; most in a minute by the clock: {by_clock}; in any 60 s: {in_any}")
    room = share * len(calls) * seconds / 60
    print(f"{len(calls)} endpoints of organizations used {total / room:.0%} of their shares")
    return in_any <= share and by_clock <= share


def main(seconds: int) -> None:
    context = multiprocessing.get_context("fork")
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening, surroundings():
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings.CLEANLIST_API_ORIGINS = [url]
        populate(url)
        connections.close_all()
        stub = context.Process(target=serve, args=(listening,), daemon=True)
        stub.start()
        workers: list[Any] = [context.Process(target=work, args=(time.time() + seconds,)) for _ in range(WORKERS)]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            good = report(seconds)
        finally:
            stub.terminate()
    print("good" if good else "NOT GOOD")
    sys.exit(not good)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
