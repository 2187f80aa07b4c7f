import asyncio
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from cleanlist import ApiKeyCredential, AsyncClient, Client, Retries
from tests.sandbox.process import SHARED

KEY = "clapi_" + "AbCd" * 16
URL = "https://api.example.test"
QUICK = Retries(count=2, first_pause=0.001, longest_pause=0.002)


class Upstream:
    """A mock transport with scripted responses; it records the requests. The last response repeats."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self.responses = list(responses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)


class RunCall:
    """Runs a call on the sync or the async client."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, upstream: Any, ask: Callable[[Any], Any], url: str = URL, **options: Any) -> Any:
        credential = options.pop("credential", None) or ApiKeyCredential(KEY)
        transport = httpx.MockTransport(upstream) if callable(upstream) else upstream
        options = {"retries": QUICK, "transport": transport, **options}
        if self.kind == "sync":
            with Client(url, credential, **options) as client:
                return ask(client)
        return asyncio.run(self._await(url, credential, options, ask))

    async def _await(self, url: str, credential: Any, options: Any, ask: Callable[[Any], Any]) -> Any:
        async with AsyncClient(url, credential, **options) as client:
            response = ask(client)
            return await response if inspect.isawaitable(response) else response


@pytest.fixture(params=["sync", "async"])
def run_call(request: pytest.FixtureRequest) -> RunCall:
    return RunCall(request.param)


def session_token(expires_in: float = 60, **claims: Any) -> str:
    """A signed token as Clerk would mint it; the client never checks the signature."""
    return jwt.encode({"sub": "user_1", "exp": time.time() + expires_in, **claims}, "k" * 32, algorithm="HS256")


class Sandbox:
    """The real server process, reached over HTTP only."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data = url, data
        self.credentials = self._read_credentials()
        headers = {"X-Sandbox-Control": self.credentials["control_token"]}
        self.control = httpx.Client(base_url=f"{url}/_sandbox", headers=headers)

    def _read_credentials(self) -> dict[str, str]:
        command = [sys.executable, "-m", "sandbox", "credentials", "--data", str(self.data)]
        return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)

    def fault(self, **fault: Any) -> None:
        self.control.post("/faults", json=fault).raise_for_status()

    def plan(self, **changes: Any) -> None:
        organization = self.credentials["organization_id"]
        self.control.post("/plan", json={"organization_id": organization, **changes}).raise_for_status()


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    data = tmp_path_factory.mktemp("sandbox")
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data", str(data), *SHARED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = process.stdout.readline()
            assert "ready on" in ready
            sandbox = Sandbox(ready.split()[-1], data)
            with sandbox.control:
                yield sandbox
        finally:
            process.terminate()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Iterator[Sandbox]:
    yield sandbox_process
    sandbox_process.control.delete("/faults").raise_for_status()
