"""Which status an error has: the one that is stated, however it is written; none where none is."""

import pytest

from troubleshooting.check_runner import first_verdict
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

KEYS = "POST https://api.cleanlist.ai/api/v1/api-keys"
STATED = [
    ("2026-03-01 12:00:03,402 ERROR client failed: 503 Service Unavailable", 503),
    ("2026-03-01 12:00:03.429 ERROR sync: got 503", 503),
    ("[2026-03-01T12:00:03,401] ERROR 10.0.0.1:443 returned 502", 502),
    ("app[402]: ERROR sync failed: 503 Service Unavailable", 503),
    ("Mar  1 12:00:03 host sync[422]: status=429", 429),
    ("12:00:03,404 error: 401 Unauthorized", 401),
    ("release 4.0.402: error 503", 503),
    (f'{KEYS} -> 401 {{"detail":"Token expired"}}', 401),
    ('404 {"detail":"nope"}', 404),
    ('-> 403 {"detail":"Forbidden"}', 403),
    ('GET /api/v1/public/whoami → 500 {"detail":"Something broke"}', 500),
    ('503\n{"detail": "try later"}', 503),
    ('{"detail": "Something new", "status": 401}', 401),
    ('{"detail":"nope"}', None),
    ('{"detail":"Token expired"}', None),
    ('{"detail": "Internal server error"}', 500),
    ('{"detail": "Insufficient scope"}', None),
    ('{"error": {"code": "invalid_token", "problem": "no"}}', None),
    ("2026-03-01 12:00:03,402 ERROR connection reset by peer", None),
    ("api.cleanlist.ai:443, 10.4.0.2, build 2026-04-02.503: connection refused", None),
]


@pytest.mark.parametrize(("text", "status"), STATED)
def test_the_status_is_the_one_that_is_stated(text, status, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    assert case.topic
    assert case.status == status, case
    assert status or "400" not in case.heading


BALANCE = "https://api.cleanlist.ai/api/v1/public/credits/balance"
SUCCEEDED = {
    "a log that masks the key": (
        "> GET /api/v1/public/credits/balance HTTP/2\n> Host: api.cleanlist.ai\n> authorization: Bearer clapi_"
        f"{'*' * 36}\n>\n< HTTP/2 200\n< content-type: application/json"
    ),
    "a key that was shortened by hand": (
        f"curl -i {BALANCE} -H 'Authorization: Bearer clapi_AbCd...'\nHTTP/2 200\n\n{{\"credits\": 5}}"
    ),
    "a HAR that masks the key": (
        f'{{"log": {{"entries": [{{"request": {{"method": "GET", "url": "{BALANCE}", "headers": [{{"name": '
        '"Authorization", "value": "Bearer clapi_AbCd…"}]}, "response": {"status": 200}}]}}'
    ),
    "a log of httpx": (
        f"DEBUG httpx HTTP Request: GET {BALANCE} \"HTTP/1.1 200 OK\"\nDEBUG headers authorization='[secure]'"
    ),
    "a log of urllib3": (
        'DEBUG urllib3 https://api.cleanlist.ai:443 "GET /api/v1/public/credits/balance HTTP/1.1" 200 None'
    ),
}


@pytest.mark.parametrize("name", SUCCEEDED)
def test_2xx_proves_the_key_and_the_header(name, workspace):
    case = recognize(remove_secrets(SUCCEEDED[name]).text, workspace).case
    assert (case.status, case.slips, case.endpoint) == (200, (GOOD,), "GET /api/v1/public/credits/balance")
    assert first_verdict(case).title == "Cleanlist accepted this request: 200"


def test_a_log_with_a_refusal_is_no_success(workspace):
    log = f'httpx HTTP Request: GET {BALANCE} "HTTP/1.1 200 OK"\nhttpx HTTP Request: GET {BALANCE} "HTTP/1.1 401 No"'
    case = recognize(log, workspace).case
    assert (case.topic, case.status) == ("unauthorized", 401)


SENTENCES = [
    ("Our curl calls to https://api.cleanlist.ai/api/v1/public/whoami time out since this morning", "upstream"),
    (
        "curl works but Postman gives 401 for https://api.cleanlist.ai/api/v1/public/whoami",
        "unauthorized",
    ),
    ("does curl need anything special for https://api.cleanlist.ai/api/v1/public/whoami?", ""),
    ("curl https://api.cleanlist.ai/api/v1/public/whoami works but Postman returns 401 every time", "unauthorized"),
    ("Why does our curl https://api.cleanlist.ai/api/v1/public/whoami time out?", "upstream"),
    (
        "cURL error 28: Operation timed out after 10001 milliseconds for https://api.cleanlist.ai/api/v1/public/whoami",
        "client_timeout",
    ),
    (
        "cURL error 6: Could not resolve host: api.cleanlist.ai (see https://curl.haxx.se/libcurl/) for https://x.test/",
        "dns",
    ),
    ("wget and curl both time out at https://api.cleanlist.ai/api/v1/public/whoami", "upstream"),
]


@pytest.mark.parametrize(("text", "topic"), SENTENCES)
def test_a_sentence_about_a_command_is_not_one(text, topic, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    assert case.topic == topic
    assert not case.slips
    assert case.heard != "curl"


WHOAMI = "https://api.cleanlist.ai/api/v1/public/whoami"
COMMANDS = [
    f"curl {WHOAMI}",
    f"$ curl {WHOAMI}",
    f"> curl {WHOAMI}",
    f"me@host:~$ curl {WHOAMI}",
    f"cd /tmp && curl {WHOAMI}",
    f"sleep 1; curl {WHOAMI} | jq .",
    f"sudo curl {WHOAMI}",
    f"KEY=abc curl {WHOAMI}",
    f"HTTPS_PROXY=x KEY=abc curl {WHOAMI}",
    f"```bash\ncurl {WHOAMI}\n```",
    f"  501  curl {WHOAMI}",
    f"run: curl {WHOAMI}",
    f"I ran curl -s {WHOAMI}",
    f"curl \\\n  {WHOAMI}",
    f"curl '{WHOAMI}'",
    "curl api.cleanlist.ai/api/v1/public/whoami",
    f"This is what I tried:\ncurl {WHOAMI}\nand it returns nothing useful to me",
    f"http {WHOAMI}",
    f"http GET {WHOAMI}",
]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_read_wherever_a_command_can_stand(text, workspace):
    case = recognize(remove_secrets(text).text, workspace).case
    assert (case.heard, case.slips) == ("curl", ("missing",))
