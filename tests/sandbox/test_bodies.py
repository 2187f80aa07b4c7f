"""What is no request or no JSON is refused in the shape of its surface."""

import json
import socket

import pytest

ESTIMATE = "/api/v2/credits/estimate"
JSON = {"Content-Type": "application/json"}
UNREADABLE = {
    "nested too deeply": b"[" * 5000 + b"]" * 5000,
    "a huge number": b'{"row_count": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"tool": "\xff"}',
}


@pytest.mark.parametrize("path", [ESTIMATE, "/api/v1/public/enrich/bulk"])
def test_a_body_that_is_cut_off_is_a_422_that_says_where(key, path):
    response = key.client.post(path, content=b"{", headers=JSON)
    (wrong,) = response.json()["detail"]
    assert (response.status_code, wrong["type"], wrong["loc"][0]) == (422, "json_invalid", "body")


@pytest.mark.parametrize("why", UNREADABLE)
def test_a_body_that_cannot_be_read_is_a_400_that_says_why(key, why):
    error = key.client.post(ESTIMATE, content=UNREADABLE[why], headers=JSON)
    assert (error.status_code, error.json()["error"]["code"]) == (400, "validation_error")
    assert why in error.json()["error"]["fix"]
    older = key.client.post("/api/v1/public/enrich/bulk", content=UNREADABLE[why], headers=JSON)
    assert (older.status_code, older.json()) == (400, {"detail": "There was an error parsing the body"})


def test_a_body_that_is_not_called_json_is_told_so(key):
    body = json.dumps({"tool": "enrich_person"})
    for headers in ({"Content-Type": "text/plain"}, {}):
        response = key.client.post(ESTIMATE, content=body, headers=headers)
        (wrong,) = response.json()["detail"]
        assert response.status_code == 422
        assert "Content-Type: application/json" in wrong["msg"]
        assert wrong["input"] == body


@pytest.mark.parametrize(
    ("path", "body", "limit"),
    [
        ("/api/v2/lead-lists", {"name": "x" * 201}, 200),
        ("/api/v2/credits/estimate", {"tool": "x" * 201}, 200),
        ("/api/v2/enrichment/person", {"lead_list_id": "DEFAULT", "first_name": "x" * 501}, 500),
    ],
)
def test_a_text_that_is_too_long_has_characters_and_no_items(key, path, body, limit):
    response = key.client.post(path, json=body)
    (wrong,) = response.json()["detail"]
    assert (response.status_code, wrong["msg"]) == (422, f"String should have at most {limit} characters")


@pytest.mark.parametrize(
    ("path", "in_envelope"), [(ESTIMATE, True), ("/api/v1/public/enrich/bulk", False), ("/api/v1/api-keys", False)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_has_the_shape_of_its_surface(sandbox, key, session, path, in_envelope, chunked):
    big = b" " * (3 * 1024 * 1024)
    client = session if path.endswith("api-keys") else key.client
    response = client.post(path, content=iter([big]) if chunked else big, headers=JSON)
    assert response.status_code == 413
    if in_envelope:
        assert response.json()["error"]["code"] == "payload_too_large"
        assert response.json()["error"]["request_id"] == response.headers["X-Request-Id"]
    else:
        assert "2 MB" in response.json()["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /api/v2/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"x" * 70_000,
        b"no request\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400_in_the_envelope(sandbox, sent):
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as connection:
        connection.sendall(sent)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert head.startswith(b"HTTP/1.1 400 ")
    assert (error["code"], error["retryable"]) == ("validation_error", False)
    assert f"X-Request-Id: {error['request_id']}".lower().encode() in head.lower()
    assert "64 kB" in error["fix"]


@pytest.mark.parametrize(("path", "in_envelope"), [(ESTIMATE, True), ("/api/v1/public/enrich/bulk", False)])
def test_a_body_that_never_comes_is_waited_for_10_seconds(sandbox, key, session, path, in_envelope):
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.secret}\r\nContent-Length: 9\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n{")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (body["error"]["code"] == "request_timeout") if in_envelope else body["detail"]
    (logged,) = session.get(f"/api/v1/api-keys/{key.id}/requests").json()
    assert (logged["status_code"], logged["duration_ms"] < 20_000) == (408, True)
