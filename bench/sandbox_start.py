"""How long after the start of its process the sandbox answers a call, beside a bare server of the same framework.

The processes take turns, so that what else the machine does falls on all alike.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import httpx

ROUNDS = 7
BARE = """
import socket, sys, fastapi, uvicorn
app = fastapi.FastAPI()
@app.get("/")
async def root(): return {}
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # or asyncio leaves Nagle's delay
listener.bind(("127.0.0.1", 0))
listener.listen(100)
print("sandbox ready on http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
"""
Call = Callable[[httpx.Client], httpx.Response]


def seconds_until_answered(command: list[str], call: Call) -> float:
    """Start a server, and return when the answer to a call was there."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        with httpx.Client(base_url=url, verify=False) as client:  # noqa: S501 - there is no TLS here
            answer = call(client)
        taken = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        process.terminate()
    return taken


def ask_balance(client: httpx.Client) -> httpx.Response:
    key = re.findall(r"clapi_[\w-]{64}", client.get("/").text)[0]
    return client.get("/api/v2/credits/balance", headers={"Authorization": f"Bearer {key}"})


def main() -> None:
    serve = [sys.executable, "-m", "sandbox", "serve", "--port", "0"]
    runs: dict[str, tuple[list[str], Call]] = {
        "bare FastAPI and uvicorn": ([sys.executable, "-c", BARE], lambda client: client.get("/")),
        "sandbox --memory": ([*serve, "--memory"], ask_balance),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (command, call) in runs.items():
            taken[name].append(seconds_until_answered(command, call))
    bare = median(taken["bare FastAPI and uvicorn"])
    for name, times in taken.items():
        print(f"{name:<26} {median(times):5.2f} s  ({min(times):.2f} to {max(times):.2f})  {median(times) / bare:.2f}x")


if __name__ == "__main__":
    main()
