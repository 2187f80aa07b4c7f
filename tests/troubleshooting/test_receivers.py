"""What a receiver of webhooks returned or got, and what never came to Cleanlist, isn't taken for Cleanlist's answer."""

import json

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.checks import CHECKS, checks_for
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

ID = "public_bulk_0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f"
LOGIN = "It requires a login or token"
ATTEMPTS = [
    ({"response_status_code": 403, "error_message": "Forbidden"}, "Your endpoint returned 403", LOGIN),
    ({"response_status_code": 404, "error_message": None}, "Your endpoint returned 404", "nothing at this path"),
    ({"response_status_code": 503, "error_message": "x"}, "Your endpoint returned 503", "Return 200 right away"),
    ({"attempt_number": 2, "error_message": "getaddrinfo ENOTFOUND hooks.acme.com"}, "Host name not found", "typos"),
    ({"attempt_number": 2, "error_message": "timed out"}, "No response within 10 seconds", "Return 200 as soon as"),
]
LINES = [
    '10.0.0.1 - - [01/Mar/2026:12:00:03 +0000] "POST /webhooks/cleanlist HTTP/1.1" 401 12 "-" "python-httpx"',
    "POST /webhooks/cleanlist 401 in 3ms",
    "POST https://hooks.acme.com/hooks/cleanlist -> 401",
]


def recognized(text, workspace):
    return recognize(remove_secrets(text).text, workspace).case


def advice(case, workspace):
    assert CHECKS["receiver"] in checks_for(case)
    return CHECKS["receiver"].run(workspace, case)


@pytest.mark.parametrize("around", [lambda one: one, lambda one: [one], lambda one: {"deliveries": [one]}])
@pytest.mark.parametrize(("attempt", "title", "fix"), ATTEMPTS)
def test_an_attempt_of_the_delivery_log_is_the_receivers_answer(attempt, title, fix, around, workspace):
    case = recognized(json.dumps(around({"workflow_id": ID, "attempt_number": 1} | attempt)), workspace)
    result = advice(case, workspace)
    assert (case.topic, case.status, case.workflow) == ("no_webhook", None, ID)
    assert result.state == "failed"
    assert title in result.title
    assert fix in result.fix


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_an_own_access_log_is_the_receivers_answer(line, workspace):
    case = recognized(line, workspace)
    assert (case.topic, case.status) == ("no_webhook", None)
    assert LOGIN in advice(case, workspace).fix


def test_attempts_that_were_acknowledged_accuse_nobody(workspace):
    row = {"workflow_id": ID, "attempt_number": 1, "response_status_code": 200, "error_message": None}
    case = recognized(json.dumps([row]), workspace)
    assert (case.topic, case.code, case.workflow) == ("workflow", "", ID)


@pytest.mark.parametrize(
    "text", ["POST https://api.cleanlist.ai/api/v1/public/enrich/bulk 401", "POST /api/v1/public/enrich/bulk 401"]
)
def test_an_answer_of_the_api_stays_one(text, workspace):
    case = recognized(text, workspace)
    assert not case.code
    assert case.topic != "no_webhook"


def test_the_payload_of_a_webhook_is_what_a_receiver_gets(workspace):
    case = recognized(json.dumps({"event": "enrichment.completed", "workflow_id": ID, "results": []}), workspace)
    assert (case.topic, case.workflow, case.status) == ("webhook_payload", ID, None)


WORDS = [
    ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Authentication'))", "proxy", ()),
    ("407", "proxy", ()),
    ("curl: (56) CONNECT tunnel failed, response 407", "proxy", ()),
    ("Origin https://x.test is not allowed by Access-Control-Allow-Origin. Status code: 401", "cors", ()),
    ("maximum number of active API keys reached", "key_limit", ()),
    ('{"detail":"Maximum number of API keys (10) reached"}', "key_limit", ()),
    ("all emails are null", "empty", ()),
    ("I closed the window before copying the key", "lost_secret", ()),
    ("httpx.LocalProtocolError: Illegal header value b'Bearer '", "unauthorized", ("empty",)),
    ('[ERR_INVALID_CHAR]: Invalid character in header content ["Authorization"]', "unauthorized", ("unsendable",)),
    ("KeyError: 'CLEANLIST_API_KEY'", "unauthorized", ("no_variable",)),
    ("line 3: CLEANLIST_API_KEY: unbound variable", "unauthorized", ("no_variable",)),
    ("'latin-1' codec can't encode character '\\u2026' in position 17", "unauthorized", ("shortened",)),
    ("requests.exceptions.InvalidHeader: Invalid return character(s): 'Bearer x\\n'", "unauthorized", ("unsendable",)),
    ("Run-time error '-2147012739 (80072f7d)': An error occurred in the secure channel support", "upstream", ()),
]


@pytest.mark.parametrize(("text", "topic", "slips"), WORDS)
def test_the_cause_of_what_never_came_to_cleanlist_is_named(text, topic, slips, workspace):
    case = recognized(text, workspace)
    assert (case.topic, case.slips) == (topic, slips)
    assert "400" not in case.heading
    assert case.topic != "unauthorized" or "401" not in case.heading


@pytest.mark.parametrize(
    "text", ['{"contacts": [{"email": "a@b.test"},]}', '{"contacts": [{"email": "a@b.test",}],\n}']
)
def test_a_comma_after_the_last_entry_is_called_that(text):
    found = validate_body(text).findings[0]
    assert "There is a comma after the last entry." in found.message
    assert "Python" not in found.message + found.fix
    assert found.fix == "Remove the comma before the closing bracket."


OWN = [
    (
        "ActionController::InvalidAuthenticityToken in WebhooksController#cleanlist\nCompleted 422",
        "CSRF check",
    ),
    ("Forbidden (CSRF token missing.): /webhooks/cleanlist", "CSRF check"),
    ("PayloadTooLargeError: request entity too large\n    at /srv/routes/cleanlist-webhook.js:14", "larger than"),
    (
        'client intended to send too large body: 2097153 bytes, request: "POST /cleanlist/webhook HTTP/1.1"',
        "larger than",
    ),
    ("WARN signature mismatch for X-Cleanlist-Signature\nresponded 401", "signature"),
    ("Task timed out after 3.01 seconds (function cleanlist-webhook)", "function took too long"),
    ("ERR_NGROK_3200 The endpoint abc.ngrok-free.app is offline.", "tunnel is offline"),
    ("json_decode(): Argument #1 ($json) must be of type string, null given in /var/www/webhook.php", "body"),
]


@pytest.mark.parametrize(("text", "title"), OWN)
def test_an_error_of_the_receivers_own_program_is_not_cleanlists(text, title, workspace):
    case = recognized(text, workspace)
    assert (case.topic, case.status) == ("no_webhook", None)
    assert title in advice(case, workspace).title


@pytest.mark.parametrize(
    "text",
    [
        "413 Request Entity Too Large for POST https://api.cleanlist.ai/api/v1/public/enrich/bulk",
        "Task timed out after 3.01 seconds (function nightly-import)",
    ],
)
def test_what_may_be_cleanlists_is_not_laid_to_a_receiver(text, workspace):
    assert recognized(text, workspace).topic != "no_webhook"
