"""Responses that are not a success become exceptions."""

import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
import time_machine

from cleanlist import errors
from tests.cleanlist.conftest import KEY, Upstream

HTML = {"content": b"<html><h1>Bad gateway</h1></html>", "headers": {"content-type": "text/html"}}
EMPTY = {"content": b""}
TRUNCATED = {"content": b'{"detail": "Too ma', "headers": {"content-type": "application/json"}}


def detail(text):
    return {"json": {"detail": text}}


def newer(code, **more):
    error = {"code": code, "problem": f"Problem {code}", "fix": f"Fix {code}", "request_id": "req_1", **more}
    return {"json": {"error": error}}


STATUS_CASES = [
    (401, newer("invalid_token"), errors.AuthenticationError),
    (401, detail("Invalid API key"), errors.AuthenticationError),
    (402, detail("Insufficient credits"), errors.InsufficientCredits),
    (403, newer("insufficient_scope"), errors.InsufficientScope),
    (403, newer("feature_gated"), errors.FeatureGated),
    (403, detail("Your plan does not include API_ACCESS"), errors.FeatureGated),
    (403, detail("Missing scope enrich:write"), errors.InsufficientScope),
    (403, detail("Not yours"), errors.Forbidden),
    (404, newer("not_found"), errors.NotFound),
    (404, detail("API key not found"), errors.NotFound),
    (400, detail("Maximum active API keys reached (10)"), errors.KeyLimitReached),
    (400, detail("Bulk enrichment supports up to 250 contacts per request"), errors.BadRequest),
    (400, newer("validation_error"), errors.ValidationFailed),
    (400, newer("insufficient_credits"), errors.InsufficientCredits),
    (400, newer("spend_cap_exceeded"), errors.BadRequest),
    (422, detail([{"loc": ["body", "contacts", 7], "msg": "Each contact …"}]), errors.ValidationFailed),
    (429, newer("rate_limited"), errors.RateLimited),
    (429, detail("Too many requests"), errors.RateLimited),
    (409, detail("Conflict"), errors.BadRequest),
    (500, detail("Internal error"), errors.ServerFailed),
    (503, newer("unavailable"), errors.ServerFailed),
    *[
        (status, body, kind)
        for body in (HTML, EMPTY, TRUNCATED, {"json": ["odd"]}, {"json": {"error": None}}, {"json": {"detail": 7}})
        for status, kind in [
            (400, errors.BadRequest),
            (401, errors.AuthenticationError),
            (403, errors.Forbidden),
            (429, errors.RateLimited),
            (502, errors.ServerFailed),
        ]
    ],
]


def fail(run_call, response, ask=lambda c: c.whoami(), **options):
    upstream = Upstream(response)
    with pytest.raises(errors.CleanlistError) as caught:
        run_call(upstream, ask, retries=0, **options)
    return caught.value


@pytest.mark.parametrize(("status", "response", "kind"), STATUS_CASES)
def test_each_error_status_has_its_exception(run_call, status, response, kind):
    error = fail(run_call, httpx.Response(status, **response))

    assert type(error) is kind
    assert error.status == status
    assert error.message
    assert str(error) == error.message
    assert not error.outcome_unknown  # whoami changes nothing


def test_the_newer_shape_is_read_in_full(run_call):
    error = fail(run_call, httpx.Response(429, **newer("rate_limited", retry_after_ms=1500)))

    assert (error.code, error.message, error.fix) == ("rate_limited", "Problem rate_limited", "Fix rate_limited")
    assert (error.request_id, error.retry_after) == ("req_1", 1.5)


def test_an_insufficient_scope_names_what_is_required_and_granted(run_call):
    details = {"required_scope": "enrich:write", "granted_scopes": ["people:read", "lists:read"]}
    error = fail(run_call, httpx.Response(403, **newer("insufficient_scope", details=details)))

    assert error.required_scope == "enrich:write"
    assert error.granted_scopes == ("people:read", "lists:read")


def test_insufficient_credits_says_how_many_are_missing(run_call):
    amounts = {"estimated_cost_credits": 110, "available_credits": 99.5, "shortfall_credits": 10.5}
    error = fail(run_call, httpx.Response(400, **newer("insufficient_credits", details=amounts)))

    assert (error.estimated, error.available, error.shortfall) == (110, Decimal("99.5"), Decimal("10.5"))


def test_a_validation_error_names_the_contact(run_call):
    listed = [{"type": "value_error", "loc": ["body", "contacts", 7], "msg": "must include linkedin_url"}]
    error = fail(run_call, httpx.Response(422, **detail(listed)))

    (item,) = error.validation_errors
    assert (item.loc, item.type, item.where) == (("body", "contacts", 7), "value_error", "contacts[7]")
    assert error.message == "contacts[7]: must include linkedin_url"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("Mon, 06 Apr 2026 12:00:20 GMT", 20),
        ("Mon, 06 Apr 2026 11:00:00 GMT", 0),
        ("99999999999", 86_400),
        ("-5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(run_call, header, seconds):
    with time_machine.travel(datetime(2026, 4, 6, 12, tzinfo=UTC), tick=False):
        error = fail(run_call, httpx.Response(429, headers={"retry-after": header}))

    assert error.retry_after == seconds


UNREADABLE_RESPONSES = [
    ("an HTML page", httpx.Response(200, **HTML)),
    ("an empty body", httpx.Response(200)),
    ("cut", httpx.Response(200, content=b'[{"id": "1", "is_act', headers={"content-type": "application/json"})),
    ("Expected `bool`", httpx.Response(200, json=[{"id": "1", "is_active": "yes"}])),
    ("Expected `array`", httpx.Response(200, json={"detail": "hm"})),
    ("Expected `array`", httpx.Response(200, content=b"null", headers={"content-type": "application/json"})),
    ("text that is not JSON", httpx.Response(200, text="OK")),
    ("", httpx.Response(200, content=b"[" * 100_000)),
    ("", httpx.Response(200, content=b'[{"id": "\xff", "is_active": true}]')),
    ("can't be decompressed", httpx.Response(200, content=b"[]")),
]


@pytest.mark.parametrize(("words", "response"), UNREADABLE_RESPONSES)
def test_an_undocumented_response_is_described(run_call, words, response):
    if "decompressed" in words:
        response.headers["content-encoding"] = "gzip"
    error = fail(run_call, response, lambda c: c.api_keys.list())

    assert type(error) is errors.UnexpectedResponse
    assert words.removeprefix("cut") in error.message


def test_a_response_larger_than_the_limit_is_not_read_to_its_end(run_call):
    error = fail(run_call, httpx.Response(200, content=b"[" + b" " * 5000 + b"]"), max_response_bytes=1000)

    assert type(error) is errors.ResponseTooLarge


def test_a_huge_error_page_is_still_the_error_that_it_is(run_call):
    error = fail(run_call, httpx.Response(502, content=b"<" * 5000), max_response_bytes=1000)

    assert type(error) is errors.ServerFailed
    assert len(error.body) <= 500


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_credentials(run_call, status):
    upstream = Upstream(httpx.Response(status, headers={"location": "https://elsewhere.test/x?token=1"}))

    with pytest.raises(errors.UnexpectedResponse, match=r"a redirect to https://elsewhere\.test/x, which") as caught:
        run_call(upstream, lambda c: c.whoami())

    assert len(upstream.requests) == 1
    assert "token=1" not in caught.value.message


@pytest.mark.parametrize(
    ("response", "unknown"),
    [
        (httpx.Response(400, **detail("Maximum active API keys reached")), False),
        (httpx.Response(401), False),
        (httpx.Response(429), False),
        (httpx.Response(500), True),
        (httpx.Response(502, **HTML), True),
        (httpx.Response(200, **HTML), True),
        (httpx.Response(200), True),
        (httpx.Response(200, json={"api_key": 7}), True),
        (httpx.Response(200, json={"api_key": ""}), True),
        (httpx.Response(302), True),
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.WriteError("broken"), True),
        (httpx.RemoteProtocolError("gone"), True),
    ],
)
def test_a_command_says_whether_it_may_have_taken_effect(run_call, response, unknown):
    assert fail(run_call, response, lambda c: c.api_keys.create("ci")).outcome_unknown is unknown


@pytest.mark.parametrize("kind", [httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.Response(500)])
def test_a_call_that_changes_nothing_has_no_unknown_outcome(run_call, kind):
    assert not fail(run_call, kind, lambda c: c.api_keys.list()).outcome_unknown


def test_secrets_are_redacted_from_echoed_text(run_call):
    error = fail(run_call, httpx.Response(400, **detail(f"Bad key {KEY} in 'Bearer abc.def'")))

    assert KEY not in error.message + error.body
    assert "abc.def" not in error.message + error.body
    assert error.message.startswith("Bad key [secret]")


def test_a_response_with_a_new_secret_leaves_no_excerpt(run_call):
    cut = json.dumps({"api_key": KEY}).encode()[:-2]
    error = fail(run_call, httpx.Response(201, content=cut), lambda c: c.api_keys.create())

    assert type(error) is errors.UnexpectedResponse
    assert error.body == ""


def test_errors_can_be_pickled_for_a_task_queue():
    error = errors.RateLimited("Slow down", status=429, retry_after=3.0)

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (type(again), again.message, again.retry_after, again.fix) == (
        errors.RateLimited,
        "Slow down",
        3.0,
        error.fix,
    )
