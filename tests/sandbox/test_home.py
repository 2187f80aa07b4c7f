"""The page at `/` and what else a browser asks for: refused calls, a revoked key, and documents of each version."""

import html
import os
import re
import shlex
import subprocess
import sys

import httpx
import pytest

from .process import ROOT, command


@pytest.fixture(scope="module")
def in_memory():
    """The address of a sandbox that shows its key, and the folder of its data."""
    serve = [sys.executable, "-m", "sandbox", "serve", "--memory", "--port", "0"]
    with subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        yield url, shlex.split(process.stdout.readline())[-1]
        process.terminate()


def calls(url):
    """Return method, path and status of the latest calls, newest first."""
    return re.findall(r"<tr><td>[\d:]+<td>(\w+)<td>(.*?)<td>(\d+)<td>", httpx.get(url).text)


def test_the_page_has_the_calls_that_no_key_let_in(in_memory):
    url, _ = in_memory
    for authorization in ("", "Bearer clapi_wrong", "Bearer clext_x"):
        assert httpx.get(f"{url}/api/v2/whoami", headers={"Authorization": authorization}).status_code == 401
    assert httpx.post(f"{url}/api/v1/api-keys").status_code == 401
    assert httpx.get(f"{url}/v1/enrich").status_code == 404
    shown = calls(url)
    assert shown[:2] == [("GET", "/v1/enrich", "404"), ("POST", "/api/v1/api-keys", "401")]
    assert shown[2:5] == [("GET", "/api/v2/whoami", "401")] * 3


def test_calls_with_and_without_a_key_come_in_their_order(in_memory):
    url, _ = in_memory
    key = re.search(r"Bearer (clapi_[\w-]{64})\"", httpx.get(url).text)[1]
    for number in range(30):
        authorization = f"Bearer {key}" if number % 2 else ""
        httpx.get(f"{url}/api/v2/whoami", headers={"Authorization": authorization})
    statuses = [status for _, _, status in calls(url)]
    assert statuses == (["200", "401"] * 13)[:25]


def test_without_a_shown_key_the_example_takes_it_from_the_environment(sandbox):
    page = html.unescape(httpx.get(sandbox.base_url).text)
    example = re.search(r"<code>(import os.*?)</code>", page, re.DOTALL)[1]
    environment = {**os.environ, "CLEANLIST_API_KEY": sandbox.credentials()["api_key"]}
    printed = subprocess.check_output([sys.executable, "-c", example], env=environment, text=True, timeout=60)
    assert "org_sandboxExampleWorks" in printed


def test_a_refused_call_cannot_write_html(in_memory):
    url, _ = in_memory
    httpx.get(f"{url}/api/v2/<script>alert(1)</script>")
    assert "<script>" not in httpx.get(url).text


def test_the_page_says_that_its_key_is_revoked(in_memory):
    url, data = in_memory
    assert "revoked" not in httpx.get(url).text
    token = re.search(r'"session_jwt": "([^"]+)"', command("credentials", "--data", data).stdout)[1]
    httpx.post(f"{url}/api/v1/api-keys/revoke-all", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    page = httpx.get(url).text
    assert "This key is revoked" in page
    assert data in page, "the command that makes another one"
    command("credentials", "--data", data)
    assert "revoked" not in httpx.get(url).text


def test_pages_fit_phones_and_have_a_language_and_an_icon(in_memory):
    url, _ = in_memory
    assert '<meta name=viewport content="width=device-width' in httpx.get(url).text
    assert '<html lang="en">' in httpx.get(f"{url}/docs").text
    icon = httpx.get(f"{url}/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    ("name", "prefix", "other"),
    [("openapi-public-v2", "/api/v2/", "/api/v1"), ("openapi-public", "/api/v1/public/", "/api/v2")],
)
def test_each_version_has_a_document_of_its_own(in_memory, name, prefix, other):
    url, _ = in_memory
    whole, own = (httpx.get(f"{url}/{each}.json").json() for each in ("openapi", name))
    assert own["paths"] == {path: calls for path, calls in whole["paths"].items() if path.startswith(prefix)}
    assert len(own["paths"]) > 15
    used = set(re.findall(r"#/components/schemas/(\w+)", str(own)))
    assert used == own["components"]["schemas"].keys()


def test_redoc_leads_to_the_documentation(in_memory):
    url, _ = in_memory
    answer = httpx.get(f"{url}/redoc", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")
