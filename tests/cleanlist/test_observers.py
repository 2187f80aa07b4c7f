"""Who observes exchanges hears of each: what was called, what came of it, and how long it took."""

import httpx
import pytest

from cleanlist import wire
from cleanlist.errors import CleanlistError
from tests.cleanlist.conftest import Upstream

KEY_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def heard(monkeypatch):
    found = []
    monkeypatch.setattr(wire, "_observers", [])
    wire.observe_with(lambda *facts: found.append(facts))
    return found


def test_an_answer_is_told_with_its_status_and_time(talk, heard):
    talk(Upstream(httpx.Response(200, json={"credits": 5})), lambda client: client.credits.balance())
    ((endpoint, answer, seconds),) = heard
    assert (endpoint, answer) == ("GET /api/v1/public/credits/balance", "200")
    assert 0 < seconds < 5


def test_each_try_is_told_and_failures_by_their_kind(talk, heard):
    answers = [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json={"credits": 5})]
    talk(Upstream(*answers), lambda client: client.credits.balance())
    assert [answer for _, answer, _ in heard] == ["ConnectionFailed", "503", "200"]


@pytest.mark.parametrize(
    ("ask", "endpoint"),
    [
        (lambda client: client.api_keys.requests(KEY_ID), "GET /api/v1/api-keys/{id}/requests"),
        (lambda client: client.api_keys.revoke(KEY_ID), "POST /api/v1/api-keys/{id}/revoke"),
        (lambda client: client.enrich.newer_status("w1"), "GET /api/v1/public/enrichment/status/{id}"),
        (lambda client: client.api_keys.revoke_all(), "POST /api/v1/api-keys/revoke-all"),
    ],
)
def test_no_id_is_told(talk, heard, ask, endpoint):
    with pytest.raises(CleanlistError):
        talk(Upstream(httpx.Response(404, json={})), ask)
    assert {told for told, *_ in heard} == {endpoint}


def test_who_asks_twice_is_told_once(talk, heard):
    wire.observe_with(wire._observers[0])
    talk(Upstream(httpx.Response(200, json={"credits": 5})), lambda client: client.credits.balance())
    assert len(heard) == 1
