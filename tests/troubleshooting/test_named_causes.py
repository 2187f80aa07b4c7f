"""What is said first of a text: the heading of its case and the verdict of the checks that look only at it."""

import json
from itertools import takewhile

import pytest

from cleanlist.errors import RateLimited
from troubleshooting.check_result import result_of_error
from troubleshooting.check_runner import run_check, verdict_of_all
from troubleshooting.checks import checks_for
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets
from workspaces.audit.events import Actor

from .paste_cases import KEY, TOKEN

API = "https://api.cleanlist.ai/api/v1/public"
REFUSED = '{"detail":"Invalid API key"}'
UNACKNOWLEDGED = "A webhook that wasn't acknowledged"
ROW = {"workflow_id": "public_bulk_0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f"}
CAUSES = [
    (
        f'$ curl -i {API}/whoami -H "Authorization: Bearer {KEY}"\nHTTP/2 401\n{REFUSED}',
        "401 Unauthorized",
        "Cleanlist doesn't accept this key",
    ),
    (
        f'curl {API}/whoami -H "Authorization: Bearer $KEY"\n{REFUSED}',
        "401 Unauthorized",
        "Cleanlist doesn't accept this key",
    ),
    (
        f'curl {API}/whoami -H "X-API-Key: {KEY}"\n{REFUSED}',
        "401 Unauthorized",
        "The key is in X-API-Key, which Cleanlist doesn't read",
    ),
    (
        f"Authorization: Bearer {KEY[:30]}\u2013{KEY[31:]}",
        "401 Unauthorized",
        "The key contains “\u2013”, a dash instead of a hyphen",
    ),
    ('{"detail":"Invalid or expired session token"}', "401 Unauthorized", "The session token has expired"),
    (
        f'curl {API}/whoami -H "Authorization: Bearer {TOKEN}"\n{{"detail":"Token has expired"}}',
        "401 Unauthorized",
        "The session token has expired",
    ),
    (
        f"Authorization: Bearer {TOKEN}\nHTTP 401 Token has expired",
        "401 Unauthorized",
        "The session token has expired",
    ),
    (
        'attempt 3/5 failed — error_message: "[Errno -2] Name or service not known" webhook_url=https://hooks.acme.io',
        UNACKNOWLEDGED,
        "Host name not found (DNS)",
    ),
    (
        "Webhook attempt 5: getaddrinfo ENOTFOUND hooks.acme.io (workflow public_bulk_9c)",
        UNACKNOWLEDGED,
        "Host name not found (DNS)",
    ),
    (
        "Delivery to https://hooks.acme.io/cl failed: [Errno -2] Name or service not known",
        UNACKNOWLEDGED,
        "Host name not found (DNS)",
    ),
    (
        "Error: getaddrinfo ENOTFOUND api.cleanlist.ai",
        "ENOTFOUND, or the host can't be resolved",
        "Your program couldn't look up the host's name",
    ),
    (
        "ERR_NGROK_8012: failed to establish a connection to the local address localhost:3000.",
        UNACKNOWLEDGED,
        "Nothing listens on your tunnel's local port",
    ),
    ("ERR_NGROK_3200: the endpoint a.ngrok.app is offline", UNACKNOWLEDGED, "Your tunnel is offline"),
    (
        "Forbidden (CSRF cookie not set.): /webhooks/cleanlist/",
        UNACKNOWLEDGED,
        "Your endpoint's CSRF check rejected the webhook",
    ),
    (
        json.dumps(
            [
                ROW | {"attempt_number": 1, "response_status_code": 404},
                ROW | {"attempt_number": 2, "response_status_code": 503},
            ]
        ),
        UNACKNOWLEDGED,
        "Your endpoint returned 503",
    ),
]
TOPICS = [
    ("our endpoint receives each webhook twice", "twice"),
    ("got the enrichment.completed webhook twice", "twice"),
    (f"two webhooks for {ROW['workflow_id']}, a duplicate delivery", "twice"),
    ("no webhook arrived", "no_webhook"),
    ("cl-exports.s3.amazonaws.com/a.csv returned 403 AccessDenied Request has expired", "expired_link"),
    ("botocore.exceptions.ClientError: (403) when calling the HeadObject operation: Forbidden", "elsewhere"),
    ("Server returned HTTP response code: 401 for URL: https://me:secret-1234@hooks.acme.io/cl", "elsewhere"),
    ("HTTPError: 403 Client Error: Forbidden for url: https://api.hubapi.com/crm/v3/objects", "elsewhere"),
    (f"HTTPError: 401 Client Error: Unauthorized for url: {API}/whoami", "unauthorized"),
    ("401 Unauthorized. For more information: https://developer.mozilla.org/en-US/docs/401", "unauthorized"),
    ("HTTPSConnectionPool(host='api.cleanlist.ai', port=443): Read timed out. (read timeout=5)", "client_timeout"),
    ("2026-03-01T00:00:15.000Z 1234 Task timed out after 15.00 seconds", "client_timeout"),
    ("Task timed out after 15.00 seconds in the webhook's handler", "no_webhook"),
    ("504 Gateway Timeout", "upstream"),
    ("connect ECONNREFUSED 127.0.0.1:8461", "not_listening"),
    ("Error: connect ECONNREFUSED ::1:8461", "not_listening"),
    ("dial tcp [::1]:8461: connect: connection refused", "not_listening"),
    ("connect ECONNREFUSED 203.0.113.7:443", "unreachable"),
]


@pytest.mark.parametrize(("text", "topic"), TOPICS)
def test_the_topic_is_what_the_text_shows(text, topic, workspace):
    assert recognize(remove_secrets(text).text, workspace).case.topic == topic


@pytest.mark.parametrize(("text", "heading", "title"), CAUSES)
def test_the_heading_and_the_verdict_fit_the_text(text, heading, title, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    steps = takewhile(lambda step: step.is_instant, checks_for(case))
    verdict, _ = verdict_of_all(case, [run_check(step, workspace, case, Actor.of_command("test")) for step in steps])
    assert (case.heading, verdict.title) == (heading, title)


def test_a_limit_that_the_console_meets_itself_is_no_finding(workspace):
    assert not result_of_error(RateLimited("Slow down", retry_after=30), workspace).is_finding
