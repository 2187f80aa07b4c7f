"""A secret is seen only where it is asked for."""

import copy
import json
import logging
import pickle
import traceback

import httpx
import msgspec
import pytest

from cleanlist import ApiKeyCredential, ClerkSession, Client, CreatedApiKey, Secret, StaticSession, Timeouts, errors
from tests.cleanlist.conftest import KEY, URL, Upstream, session_token
from tests.cleanlist.test_network import drop, hang, server

NEW_KEY = "clapi_" + "New1" * 16


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "{:>30}".format, "%s".__mod__, ascii])
@pytest.mark.parametrize(
    "holder",
    [
        Secret(KEY),
        [Secret(KEY)],
        ApiKeyCredential(KEY),
        StaticSession(session_token()),
        ClerkSession(URL, "sess_1", KEY),
        CreatedApiKey(api_key=Secret(KEY)),
        Client(URL, ApiKeyCredential(KEY)),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_way_of_showing_a_holder_shows_the_secret(show, holder):
    if show == "{:>30}".format and not isinstance(holder, Secret):
        return
    shown = show(holder)

    assert KEY not in shown
    assert "eyJ" not in shown


@pytest.mark.parametrize("leak", [pickle.dumps, json.dumps, msgspec.json.encode, bytes])
def test_a_secret_is_not_serialized_by_accident(leak):
    with pytest.raises(TypeError):
        leak(Secret(KEY))


def test_a_secret_still_behaves_as_a_value():
    assert Secret(KEY) == Secret(Secret(KEY))
    assert Secret(KEY) != Secret(NEW_KEY)
    assert Secret(KEY) != KEY
    assert copy.deepcopy(Secret(KEY)).reveal() == KEY
    assert {Secret(KEY): 1}[Secret(KEY)] == 1
    assert not Secret("")


def recordable(error):
    """Return all that an error tracker could record: the chain of errors, and the locals outside of tests."""
    parts = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        parts += [repr(error), repr(vars(error)), *shown.format_exception_only()]
        parts += [repr(frame.locals) for frame in shown.stack if "/tests/" not in frame.filename]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


FAULTS = [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("gone"),
    httpx.Response(401, json={"detail": f"Unknown key {KEY}"}),
    httpx.Response(500, text=KEY),
    httpx.Response(200, json={"api_key": NEW_KEY, "created_at": 7}),
    httpx.Response(200, content=json.dumps({"api_key": NEW_KEY}).encode()[:-1]),
    httpx.Response(302, headers={"location": f"https://x.test/{KEY}"}),
]


def assert_no_secret(error):
    shown = recordable(error)
    assert "Client('" in shown  # our frames were looked at
    assert KEY not in shown
    assert NEW_KEY not in shown


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("ask", [lambda c: c.api_keys.create("ci"), lambda c: c.api_keys.list()])
def test_no_traceback_shows_a_secret_even_with_locals(run_call, ask, fault):
    with pytest.raises(errors.CleanlistError) as caught:
        run_call(Upstream(fault), ask)

    assert_no_secret(caught.value)


@pytest.mark.parametrize("behave", [drop, hang])
def test_no_traceback_from_a_real_socket_shows_a_secret(run_call, behave):
    with server(behave) as (url, _), pytest.raises(errors.UpstreamUnavailable) as caught:
        run_call(None, lambda c: c.api_keys.create("ci"), url=url, timeouts=Timeouts(read=0.1, total=0.2))

    assert_no_secret(caught.value)


def test_no_log_line_shows_a_secret_or_a_url(run_call, caplog):
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    logging.getLogger("httpcore").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG), server(drop) as (url, _), pytest.raises(errors.ConnectionFailed):
        run_call(None, lambda c: c.webhooks.deliveries("w"), url=url)

    assert KEY not in caplog.text
    assert "workflow_id" not in caplog.text


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "café", "tab\t"])
@pytest.mark.parametrize("credential", [ApiKeyCredential, StaticSession])
def test_a_credential_unfit_for_a_header_is_refused_without_repeating_it(credential, text):
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        credential(text)

    assert not text or text not in str(caught.value)
