import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from cleanlist import ApiKeyCredential, AsyncClient, Client, Retries

KEY = "clapi_" + "AbCd" * 16
URL = "https://api.example.test"
QUICK = Retries(count=2, first_pause=0.001, longest_pause=0.002)


class Upstream:
    """Scripted answers for a mock transport, and what it was asked. The last answer repeats."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Talk:
    """Runs one call on the sync or on the async client."""

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
            answer = ask(client)
            return await answer if inspect.isawaitable(answer) else answer


@pytest.fixture(params=["sync", "async"])
def talk(request: pytest.FixtureRequest) -> Talk:
    return Talk(request.param)


def session_token(expires_in: float = 60, **claims: Any) -> str:
    """A signed token as Clerk would mint it; the client never checks the signature."""
    return jwt.encode({"sub": "user_1", "exp": time.time() + expires_in, **claims}, "k" * 32, algorithm="HS256")
