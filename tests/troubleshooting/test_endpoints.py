"""Path, method and protocol of a pasted request to Cleanlist are judged; those of others, and guesses, are not."""

import re

import pytest

from sandbox.server import create_app
from sandbox.settings import Settings
from troubleshooting.checks.request_shape import endpoint
from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.endpoints import find_endpoint_mistake
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .paste_cases import KEY

BASE = "https://api.cleanlist.ai/api/v1/public"
H = f'-H "Authorization: Bearer {KEY}"'
HEADERS = f'headers={{"Authorization": "Bearer {KEY}"}}'
WRONG = [
    (f"curl https://api.cleanlist.ai/v1/credits {H}", "not_found"),
    (f"curl https://api.cleanlist.ai/api/v3/public/whoami {H}", "not_found"),
    (f'requests.get("https://api.cleanlist.ai/v1/credits", {HEADERS})', "not_found"),
    (f"GET /v1/credits HTTP/1.1\nHost: api.cleanlist.ai\nAuthorization: Bearer {KEY}\n", "not_found"),
    (f"curl -G {BASE}/enrich/bulk {H}", "method"),
    (f"curl -X GET {BASE}/enrich/bulk {H}", "method"),
    (f"curl {BASE}/enrich/bulk {H}", "method"),
    (f"curl -X POST {BASE}/credits/balance {H}", "method"),
    (f"curl -sSd a=1 {BASE}/whoami {H}", "method"),
    (f'http POST {BASE}/whoami "Authorization:Bearer {KEY}"', "method"),
    (f'requests.post("{BASE}/credits/balance", {HEADERS})', "method"),
]
RIGHT = [
    f"curl -sG -d days=7 {BASE}/usage {H}",
    f"curl -I {BASE}/whoami {H}",
    f"curl {BASE}/whoami/ {H}",
    f"curl $OPTS {BASE}/enrich/bulk {H}",
    f"curl {BASE}/enrich/bulk {H} -H 'Content-Type: application/json' -d @body.json",
    f"curl https://api.cleanlist.ai/api/v2/enrichment/status/$ID {H}",
    f'curl "https://api.cleanlist.ai/api/{{version}}/x" {H}',
    f"curl https://api.example.com/v1/credits {H}",
    f"curl http://127.0.0.1:8001/v1/credits {H}",
    f"cat b.json | http {BASE}/enrich/bulk 'Authorization:Bearer {KEY}'",
    f'k = os.environ.get("K")\nrequests.request("POST", "{BASE}/enrich/bulk", {HEADERS})',
    f'API = "https://api.cleanlist.ai"\nrequests.get(API + "/x", {HEADERS})',
]


def case_of(text, workspace):
    return recognize(remove_secrets(text).text, workspace).case


@pytest.mark.parametrize(("text", "topic"), WRONG)
def test_a_wrong_path_or_method_is_named(text, topic, workspace):
    case = case_of(text, workspace)
    assert (case.topic, case.slips, case.heading) == (topic, (GOOD,), "Path and method")
    assert endpoint(workspace, case).state == "failed"


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_unknown_or_another_service_is_not(text, workspace):
    case = case_of(text, workspace)
    assert case.topic == "unauthorized"
    assert set(case.slips) <= {GOOD}


def test_a_path_that_only_the_console_does_not_know_is_no_mistake(workspace):
    case = case_of(f"curl {BASE}/something-new {H}", workspace)
    result = endpoint(workspace, case)
    assert (case.topic, result.state) == ("not_found", "warning")
    assert "isn't one that the console knows" in result.title


NEAR = {
    f"POST {BASE}/enrich/bulks": "/enrich/bulk?",
    f"GET {BASE}/credit/balance": "/credits/balance?",
    f"GET {BASE}/enrich/status/3f2b1c9e": "/enrich/status?workflow_id=",
    "POST https://api.cleanlist.ai/api/v2/public/enrich/bulk": "/api/v1/public/enrich/bulk?",
    "GET https://api.cleanlist.ai//api/v1/public/whoami": "/api/v1/public/whoami?",
}


@pytest.mark.parametrize("called", NEAR)
def test_the_path_that_was_meant_is_named(called, workspace):
    method, _, url = called.partition(" ")
    result = endpoint(workspace, case_of(f"curl -X {method} {url} {H}", workspace))
    assert result.fix.startswith("Did you mean /")
    assert NEAR[called] in result.fix


def test_plain_http_to_a_wrong_host_is_said_besides(workspace):
    case = case_of(f"curl http://app.cleanlist.ai/api/v1/public/whoami {H}", workspace)
    assert (case.topic, case.slips) == ("wrong_host", ("plain_http",))


def test_the_workspace_s_own_address_is_judged_too(workspace):
    workspace.base_url = "http://127.0.0.1:8001"
    assert case_of(f"curl http://127.0.0.1:8001/v1/credits {H}", workspace).topic == "not_found"
    assert case_of(f"curl http://127.0.0.1:8001/api/v1/public/whoami {H}", workspace).is_sound


@pytest.mark.parametrize(
    "text", [f"curl http://api.cleanlist.ai/api/v1/public/whoami {H}", f'get("http://{BASE[8:]}/whoami", {HEADERS})']
)
def test_plain_http_is_named(text, workspace):
    assert case_of(text, workspace).slips == ("plain_http",)


def test_every_call_of_the_sandbox_is_known_with_its_methods_and_no_others(tmp_path):
    app = create_app(Settings(data_dir=tmp_path / "data", org_limit=0, key_limit=0))
    calls = {path: methods for path, methods in app.openapi()["paths"].items() if path.startswith("/api/")}
    app.state.services.store.close()
    assert len(calls) > 50
    for path, methods in calls.items():
        called = re.sub(r"\{\w+\}", "3f2a", path)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            mistake = find_endpoint_mistake(f"{method} {called}")
            assert (mistake.topic if mistake else "") == ("" if method.lower() in methods else "method"), (method, path)


def test_only_methods_that_a_path_takes_are_right():
    assert find_endpoint_mistake("DELETE /api/v1/api-keys").topic == "method"
    assert find_endpoint_mistake("POST /api/v1/api-keys/3f/revoke") is None
    assert find_endpoint_mistake("/api/v1/public/enrich/bulk") is None


BULK = "https://api.cleanlist.ai/api/v1/public/enrich/bulk"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"requests.exceptions.HTTPError: 405 Client Error: Method Not Allowed for url: {BULK}",
            "enrich/bulk takes POST",
        ),
        ("GET /api/v1/public/enrich/bulk 405 Method Not Allowed", "enrich/bulk takes POST, not GET"),
        (f'INFO:httpx:HTTP Request: GET {BULK} "HTTP/1.1 405 Method Not Allowed"', "enrich/bulk takes POST, not GET"),
        (f"POST {BASE}/credits/balance 405 (Method Not Allowed)", "credits/balance takes GET, not POST"),
        (f'{{"level": "error", "url": "{BULK}", "status": 405}}', "enrich/bulk takes POST"),
        ("level=warn method=GET path=/api/v1/public/enrich/bulk status=405", "enrich/bulk takes POST, not GET"),
        (
            f"AxiosError: Request failed with status code 405\n  config: {{ method: 'get', url: '{BULK}' }}",
            "enrich/bulk takes POST, not GET",
        ),
        (f"we get {BULK} with a 405", "enrich/bulk takes POST"),
        (f"curl -X POST {BULK} {H}\nHTTP/2 405\n\n", "enrich/bulk takes POST, but another method arrived"),
        (f"404 Client Error: Not Found for url: {BASE}/whoami/{KEY}", "The key is in the address"),
        (f"curl {BASE}/whoami/{KEY}\nHTTP/2 404\n\n", "The key is in the address"),
    ],
)
def test_the_endpoint_in_a_message_is_judged(text, said, workspace):
    result = endpoint(workspace, case_of(text, workspace))
    assert result.state == "failed"
    assert result.title.removeprefix("/api/v1/public/") == said


def test_a_message_about_a_key_in_the_address_says_so(workspace):
    case = case_of(f"401 Client Error: Unauthorized for url: {BASE}/whoami?api_key={KEY}", workspace)
    assert (case.topic, case.slips) == ("unauthorized", ("in_url",))


CALL = f'requests.get("{BASE}/whoami", {HEADERS})'


@pytest.mark.parametrize(
    ("program", "status"),
    [
        (f"{CALL}\n# 401 Unauthorized", 401),
        (f"{CALL}  # returns 401", 401),
        (f"{CALL}\nrequests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: {BASE}/whoami", 401),
        (f'{CALL}\nHTTP 429 {{"detail": "Rate limit exceeded"}}', 429),
        (f"{CALL}\nAxiosError: Request failed with status code 402", 402),
        (f"r = {CALL}\nif r.status_code == 401:\n    renew()", None),
        (f"r = {CALL}\ntime.sleep(500)", None),
        (f"try:\n    r = {CALL}\nexcept Exception:\n    return Response(status=502)", None),
        (f"app.get('/x', (req, res) => {{\n  if (!req.user) return res.status(403).end();\n  {CALL};\n}});", None),
        (f"const x = new Response(null, {{ status: 405 }});\n{CALL}", None),
    ],
)
def test_only_a_status_that_a_program_got_is_one(program, status, workspace):
    assert case_of(program, workspace).status == status
