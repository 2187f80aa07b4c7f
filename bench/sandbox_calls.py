"""How many calls a second the sandbox verifies and logs, beside a bare server of the same framework.

Both take turns, so that what else the machine does falls on both alike; processor time of the server's process counts,
because the client needs the machine, too. Run: `python -m bench.sandbox_calls`.
"""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx

from bench.sandbox_start import BARE

ROUNDS, CALLS, CONNECTIONS = 5, 4000, 16
TICK = 0.01  # seconds of the units in /proc


class Server(NamedTuple):
    """A running server, and the path to ask it for."""

    process: subprocess.Popen[str]
    port: int
    path: str
    key: str

    def processor(self) -> float:
        """Return the seconds of the processor that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return TICK * (int(fields[11]) + int(fields[12]))


def start(command: list[str], path: str) -> Server:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout
    url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
    keys = re.findall(r"clapi_[\w-]{64}", httpx.get(url).text)
    return Server(process, int(url.rpartition(":")[2]), path, keys[0] if keys else "")


async def ask(server: Server, calls: int) -> None:
    """Send calls over one connection, each after the answer to the one before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    call = f"GET {server.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n\r\n".encode()
    for _ in range(calls):
        writer.write(call)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    writer.close()


async def ask_at_once(server: Server) -> None:
    await asyncio.gather(*(ask(server, CALLS // CONNECTIONS) for _ in range(CONNECTIONS)))


def main() -> None:
    sandbox = [
        sys.executable,
        "-m",
        "sandbox",
        "serve",
        "--port",
        "0",
        "--memory",
        "--org-limit",
        "0",
        "--key-limit",
        "0",
    ]
    servers = {"bare FastAPI and uvicorn": start([sys.executable, "-c", BARE], "/")}
    for path in ("/api/v2/whoami", "/api/v2/credits/balance"):
        servers[f"sandbox, {path}"] = start(sandbox, path)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            processor, began = server.processor(), time.perf_counter()
            asyncio.run(ask_at_once(server))
            taken[name].append((server.processor() - processor, time.perf_counter() - began))
    bare = median(processor for processor, _ in taken["bare FastAPI and uvicorn"])
    for name, times in taken.items():
        processor, wall = (median(one) for one in zip(*times, strict=True))
        rates = f"{CALLS / processor:6.0f} calls/s of processor, {CALLS / wall:6.0f} by the clock"
        print(f"{name:<34} {rates}, {processor / bare:.1f}x the processor")
    for server in servers.values():
        server.process.terminate()
        server.process.wait()


if __name__ == "__main__":
    main()
