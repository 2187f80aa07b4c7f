"""Paths and methods that there are not, HEAD and OPTIONS, and the ID of every response."""

import pytest

from tests.sandbox.published import operations

ENVELOPE = ["/api/v2/no-such-thing", "/api/v1/public/no-such-thing", "/api/v3/whoami", "/no/such/page", "/%00"]


@pytest.mark.parametrize("path", ENVELOPE)
def test_an_unknown_path_says_that_this_is_the_sandbox(key, path):
    response = key.client.get(path)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "not_found")
    assert "sandbox" in error["problem"]
    assert response.headers["X-Request-Id"] == error["request_id"]


@pytest.mark.parametrize("path", ["/api/v1/api-keys/x/y/z", "/_sandbox/no-such-thing", "/api/v1/public/enrich/bulk"])
def test_other_surfaces_say_so_in_their_own_shape(sandbox, key, path):
    response = key.client.get(path)
    assert response.status_code in {404, 405}
    assert "sandbox" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v2/whoami", "GET, HEAD, OPTIONS"),
        ("/api/v2/lead-lists", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/public/lead-lists/x", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/api/v2/search/people", "OPTIONS, POST"),
        ("/api/v2/smart-agents/run", "OPTIONS, POST"),
        ("/api/v1/api-keys", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_method_that_there_is_not_names_those_that_there_are(sandbox, key, path, methods):
    response = key.client.put(path)
    assert (response.status_code, response.headers["Allow"]) == (405, methods)
    assert "sandbox" in response.text
    options = sandbox.client().options(path, headers={"Authorization": ""})
    assert (options.status_code, options.headers["Allow"], options.content) == (204, methods, b"")


def test_options_of_an_unknown_path_is_no_secret_door(sandbox):
    assert sandbox.client().options("/api/v2/none", headers={"Authorization": ""}).status_code == 401
    assert sandbox.client().options("/none").status_code == 404


def test_head_is_get_without_a_body(key, session):
    head, get = key.client.head("/api/v2/whoami"), key.client.get("/api/v2/whoami")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert key.client.head("/api/v2/search/people").status_code == 405
    assert key.client.head("/api/v2/none").status_code == 404
    logged = [row["method"] for row in session.get(f"/api/v1/api-keys/{key.id}/requests").json()]
    assert logged == ["HEAD", "HEAD", "GET", "HEAD"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/healthz"), ("GET", "/api/v2/whoami"), ("GET", "/api/v1/api-keys"), ("POST", "/api/v2/lead-lists")],
)
@pytest.mark.parametrize("authorized", [True, False])
def test_every_response_has_an_id_of_its_own(sandbox, key, method, path, authorized):
    headers = {} if authorized else {"Authorization": ""}
    ids = {key.client.request(method, path, headers=headers).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(("method", "path"), operations())
@pytest.mark.parametrize("prefix", ["/api/v2/", "/api/v1/public/"])
def test_every_published_operation_is_served_on_both_versions(sandbox, method, path, prefix):
    path = path.replace("/api/v2/", prefix)
    served = sandbox.client().get("/openapi.json").json()["paths"]
    assert method.lower() in served[path]
    assert sandbox.client().request(method, path, headers={"Authorization": ""}).status_code == 401
