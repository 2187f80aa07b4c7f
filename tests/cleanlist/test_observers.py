"""Observers are called for each exchange, with the endpoint, the outcome and the time it took."""

import httpx
import pytest

from cleanlist.errors import CleanlistError
from cleanlist.transport import transports
from tests.cleanlist.conftest import Upstream

KEY_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def observed(monkeypatch):
    calls = []
    monkeypatch.setattr(transports, "_observers", [])
    transports.observe_with(lambda *facts: calls.append(facts))
    return calls


def test_a_response_is_observed_with_its_status_and_time(run_call, observed):
    run_call(Upstream(httpx.Response(200, json={"credits": 5})), lambda client: client.credits.balance())
    ((endpoint, status, seconds),) = observed
    assert (endpoint, status) == ("GET /api/v1/public/credits/balance", "200")
    assert 0 < seconds < 5


def test_each_attempt_is_observed_and_errors_by_their_class(run_call, observed):
    responses = [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json={"credits": 5})]
    run_call(Upstream(*responses), lambda client: client.credits.balance())
    assert [status for _, status, _ in observed] == ["ConnectionFailed", "503", "200"]


@pytest.mark.parametrize(
    ("ask", "endpoint"),
    [
        (lambda client: client.api_keys.requests(KEY_ID), "GET /api/v1/api-keys/{id}/requests"),
        (lambda client: client.api_keys.revoke(KEY_ID), "POST /api/v1/api-keys/{id}/revoke"),
        (lambda client: client.enrich.newer_status("w1"), "GET /api/v1/public/enrichment/status/{id}"),
        (lambda client: client.api_keys.revoke_all(), "POST /api/v1/api-keys/revoke-all"),
    ],
)
def test_ids_are_left_out_of_endpoints(run_call, observed, ask, endpoint):
    with pytest.raises(CleanlistError):
        run_call(Upstream(httpx.Response(404, json={})), ask)
    assert {called for called, *_ in observed} == {endpoint}


def test_an_observer_added_twice_is_called_once(run_call, observed):
    transports.observe_with(transports._observers[0])
    run_call(Upstream(httpx.Response(200, json={"credits": 5})), lambda client: client.credits.balance())
    assert len(observed) == 1
