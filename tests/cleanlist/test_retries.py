"""What is sent again, when, and how long it may all take."""

import time

import httpx
import pytest

from cleanlist import Retries, Timeouts, errors
from tests.cleanlist.conftest import Upstream

GOOD = httpx.Response(200, json=[])
PASSING = [httpx.Response(status) for status in (408, 429, 500, 502, 503)] + [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("gone"),
]
COMMANDS = [
    lambda c: c.api_keys.create("ci"),
    lambda c: c.api_keys.revoke("1"),
    lambda c: c.api_keys.revoke_all(),
    lambda c: c.enrich.bulk([{"linkedin_url": "https://x.test/in/1"}]),
]


def read(client):
    return client.api_keys.list()


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_a_read_is_tried_again_after_a_passing_fault(run_call, fault):
    upstream = Upstream(fault, fault, GOOD)

    assert run_call(upstream, read) == ()
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("fault", PASSING, ids=repr)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_never_sent_twice(run_call, command, fault):
    upstream = Upstream(fault, httpx.Response(200, json={}))

    with pytest.raises(errors.CleanlistError):
        run_call(upstream, command)

    assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 422, 302])
def test_a_client_error_is_not_retried(run_call, status):
    upstream = Upstream(httpx.Response(status), GOOD)

    with pytest.raises(errors.CleanlistError):
        run_call(upstream, read)

    assert len(upstream.requests) == 1


def test_the_last_error_is_raised_when_retries_run_out(run_call):
    upstream = Upstream(httpx.Response(500), httpx.Response(500), httpx.Response(503))

    with pytest.raises(errors.ServerFailed) as caught:
        run_call(upstream, read)

    assert caught.value.status == 503


def test_retries_can_be_switched_off(run_call):
    upstream = Upstream(httpx.Response(500), GOOD)

    with pytest.raises(errors.ServerFailed):
        run_call(upstream, read, retries=0)

    assert len(upstream.requests) == 1


def test_a_retry_after_within_the_ceiling_is_waited_for(run_call):
    upstream = Upstream(httpx.Response(429, headers={"retry-after": "0.2"}), GOOD)

    started = time.monotonic()
    run_call(upstream, read)

    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("header", ["5", "3600"])
def test_a_longer_retry_after_is_handed_to_the_caller_at_once(run_call, header):
    upstream = Upstream(httpx.Response(429, headers={"retry-after": header}), GOOD)

    started = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        run_call(upstream, read, retries=Retries(retry_after_ceiling=4))

    assert time.monotonic() - started < 1
    assert caught.value.retry_after == float(header)


def test_a_pause_longer_than_the_remaining_time_is_not_started(run_call):
    upstream = Upstream(httpx.Response(503, headers={"retry-after": "2"}), GOOD)

    started = time.monotonic()
    with pytest.raises(errors.ServerFailed):
        run_call(upstream, read, timeouts=Timeouts(total=1))

    assert time.monotonic() - started < 0.5


def test_a_negative_number_of_retries_is_refused():
    with pytest.raises(ValueError, match="negative"):
        Retries(count=-1)


@pytest.mark.parametrize("name", ["connect", "read", "total"])
def test_a_time_out_of_zero_is_refused(name):
    with pytest.raises(ValueError, match=f"The {name} timeout"):
        Timeouts(**{name: 0})
