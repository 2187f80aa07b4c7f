"""Token sources: pasted tokens that run out, and sessions that mint."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from cleanlist import (
    AsyncClient,
    ClerkSession,
    Client,
    Secret,
    StaticSession,
    checked_base_url,
    describe_key_format,
    errors,
)
from tests.cleanlist.conftest import KEY, QUICK, URL, Upstream, session_token

MINT = "/v1/client/sessions/sess_1/tokens"


class Clerk:
    """Mints numbered tokens that live `lifetime` seconds."""

    def __init__(self, lifetime=60, response=None):
        self.lifetime, self.response = lifetime, response
        self.requests = []
        self.lock = threading.Lock()

    def __call__(self, request):
        with self.lock:
            self.requests.append(request)
        if self.response is not None:
            return httpx.Response(self.response.status_code, content=self.response.content)
        return httpx.Response(200, json={"jwt": session_token(self.lifetime, n=len(self.requests))})

    def session(self, cache=None):
        transport = httpx.MockTransport(self)
        return ClerkSession(
            "https://clerk.example.test", "sess_1", Secret("cookie-1"), cache=cache, transport=transport
        )


class Cache:
    """What processes share, here as long as the test."""

    kept = None

    def load(self):
        return self.kept

    def save(self, token, seconds):
        self.kept, self.seconds = token, seconds


def read(client):
    return client.api_keys.list()


def ok_upstream():
    return Upstream(httpx.Response(200, json=[]))


def test_a_pasted_session_knows_when_it_expires():
    with time_machine.travel(datetime(2026, 4, 6, 12, tzinfo=UTC), tick=False):
        session = StaticSession(session_token(60))

    assert session.expires_at == datetime(2026, 4, 6, 12, 1, tzinfo=UTC)


def test_an_expired_pasted_session_is_not_sent(run_call):
    upstream = ok_upstream()

    with pytest.raises(errors.SessionExpired, match="expired at") as caught:
        run_call(upstream, read, credential=StaticSession(session_token(-1)))

    assert upstream.requests == []
    assert not caught.value.outcome_unknown
    assert caught.value.fix


@pytest.mark.parametrize("token", ["not-a-jwt", "a.b.c", session_token(1e300), session_token(0) + "x"])
def test_a_session_with_an_unreadable_expiry_is_sent(run_call, token):
    upstream = ok_upstream()
    credential = StaticSession(token)
    if credential.expires_at is None:
        run_call(upstream, read, credential=credential)
        assert len(upstream.requests) == 1


def test_a_session_mints_with_its_cookie_and_sends_the_minted_token(run_call):
    clerk, upstream = Clerk(), ok_upstream()

    run_call(upstream, read, credential=clerk.session())

    (mint,) = clerk.requests
    assert (mint.method, mint.url.path, mint.headers["cookie"]) == ("POST", MINT, "__client=cookie-1")
    assert "authorization" not in mint.headers
    assert upstream.requests[0].headers["authorization"].startswith("Bearer eyJ")
    assert "cookie" not in upstream.requests[0].headers


def test_a_minted_token_is_cached_until_ten_seconds_before_it_expires(run_call):
    clerk = Clerk()
    session = clerk.session()
    with time_machine.travel(datetime(2026, 4, 6, 12, tzinfo=UTC), tick=False) as clock:
        for seconds, minted in [(0, 1), (49, 1), (50, 2), (99, 2), (200, 3)]:
            clock.move_to(datetime(2026, 4, 6, 12, tzinfo=UTC) + timedelta(seconds=seconds))
            run_call(ok_upstream(), read, credential=session)
            assert len(clerk.requests) == minted


def test_sessions_with_one_cache_mint_once(run_call):
    clerk, cache = Clerk(), Cache()
    for _ in range(3):
        run_call(ok_upstream(), read, credential=clerk.session(cache))
    assert len(clerk.requests) == 1
    assert 45 < cache.seconds <= 50


def test_a_cached_token_about_to_expire_is_not_used(run_call):
    clerk, cache = Clerk(), Cache()
    cache.kept = Secret(session_token(5))
    run_call(ok_upstream(), read, credential=clerk.session(cache))
    assert len(clerk.requests) == 1


def test_a_cached_token_that_upstream_refuses_is_replaced(run_call):
    clerk, cache = Clerk(), Cache()
    cache.kept = refused = Secret(session_token(60, n=0))
    upstream = Upstream(httpx.Response(401), httpx.Response(200, json=[]))
    run_call(upstream, read, credential=clerk.session(cache))
    assert len(clerk.requests) == 1
    assert cache.kept != refused
    run_call(ok_upstream(), read, credential=clerk.session(cache))
    assert len(clerk.requests) == 1


def test_a_token_shorter_than_the_margin_is_used_once(run_call):
    clerk = Clerk(lifetime=5)
    session = clerk.session()

    run_call(ok_upstream(), read, credential=session)
    run_call(ok_upstream(), read, credential=session)

    assert len(clerk.requests) == 2


@pytest.mark.parametrize("status", [401, 404])
def test_a_refused_mint_means_that_the_session_has_expired(run_call, status):
    upstream = ok_upstream()
    clerk = Clerk(response=httpx.Response(status, json={"errors": [{"code": "authentication_invalid"}]}))

    with pytest.raises(errors.SessionExpired) as caught:
        run_call(upstream, read, credential=clerk.session())

    assert (caught.value.status, upstream.requests, len(clerk.requests)) == (status, [], 1)
    assert "Sign in to Cleanlist again" in caught.value.fix


@pytest.mark.parametrize("response", [httpx.Response(200, json={"jwt": None}), httpx.Response(200, text="hi")])
def test_a_mint_response_without_a_token_is_unexpected(run_call, response):
    with pytest.raises(errors.UnexpectedResponse):
        run_call(ok_upstream(), read, credential=Clerk(response=response).session())


def test_a_command_without_a_minted_token_had_no_effect(run_call):
    clerk = Clerk(response=httpx.Response(500))

    with pytest.raises(errors.ServerFailed) as caught:
        run_call(ok_upstream(), lambda c: c.api_keys.create(), credential=clerk.session())

    assert not caught.value.outcome_unknown


def test_a_refused_token_is_minted_anew_once_for_a_read(run_call):
    clerk = Clerk()
    upstream = Upstream(httpx.Response(401), httpx.Response(200, json=[]))

    assert run_call(upstream, read, credential=clerk.session()) == ()

    first, second = (request.headers["authorization"] for request in upstream.requests)
    assert first != second
    assert len(clerk.requests) == 2


def test_a_token_refused_twice_is_an_authentication_error(run_call):
    upstream = Upstream(httpx.Response(401))

    with pytest.raises(errors.AuthenticationError):
        run_call(upstream, read, credential=Clerk().session())

    assert len(upstream.requests) == 2


def test_a_refused_token_is_dropped_but_the_command_is_not_repeated(run_call):
    clerk = Clerk()
    session = clerk.session()
    upstream = Upstream(httpx.Response(401))

    with pytest.raises(errors.AuthenticationError):
        run_call(upstream, lambda c: c.api_keys.create(), credential=session)
    run_call(ok_upstream(), read, credential=session)

    assert len(upstream.requests) == 1
    assert len(clerk.requests) == 2


def test_threads_wait_for_one_mint():
    clerk = Clerk()
    with (
        Client(URL, clerk.session(), retries=QUICK, transport=httpx.MockTransport(ok_upstream())) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(lambda _: client.api_keys.list(), range(16)))

    assert len(clerk.requests) == 1


def test_tasks_wait_for_one_mint():
    clerk = Clerk()

    async def many():
        async with AsyncClient(URL, clerk.session(), transport=httpx.MockTransport(ok_upstream())) as client:
            await asyncio.gather(*(client.api_keys.list() for _ in range(16)))

    asyncio.run(many())

    assert len(clerk.requests) == 1


def test_a_session_outlives_event_loops():
    session = Clerk(lifetime=5).session()  # too short to be kept: each call waits for the lock

    async def many():
        async with AsyncClient(URL, session, transport=httpx.MockTransport(ok_upstream())) as client:
            await asyncio.gather(*(client.api_keys.list() for _ in range(4)))

    asyncio.run(many())
    asyncio.run(many())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (KEY, None),
        ("", "Paste"),
        ("  ", "Paste"),
        (f"Bearer {KEY}", "Bearer"),
        (f"Authorization: Bearer {KEY}", "Bearer"),
        (f'"{KEY}"', "quotes"),
        (f"\u201c{KEY}\u201d", "quotes"),
        (f" {KEY}", "space"),
        (f"{KEY}\n", "space"),
        (KEY.replace("clapi_", "clext_"), "browser extension"),
        (KEY.removeprefix("clapi_"), "starts with clapi_"),
        (KEY[:-1], "70 characters; this one has 69"),
        (KEY + "x", "70 characters; this one has 71"),
        (KEY[:-1] + "…", "character"),
    ],
)
def test_a_wrongly_pasted_key_is_explained(text, words):
    problem = describe_key_format(text)

    assert problem is None if words is None else words in problem
    assert KEY[6:] not in (problem or "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.example.test",
        "ftp://x.test",
        "https://",
        "https://me:pw@x.test",
        "https://x.test?a=1",
        "https://x.test/#a",
    ],
)
def test_an_invalid_base_url_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match="The API address") as caught:
        checked_base_url(text)

    assert "pw" not in str(caught.value)


def test_a_base_url_is_kept_without_its_trailing_slash():
    assert checked_base_url(" https://x.test/api/ ") == "https://x.test/api"
