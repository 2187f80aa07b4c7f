"""The cookies that a real server sets, over http and behind a proxy that speaks https."""

import re

import httpx
import pytest

from tests.running import RunningConsole

HOST = "console.example.com"
BEHIND_HTTPS = {"PUBLIC_URL": f"https://{HOST}", "TRUSTED_PROXY_COUNT": "1"}
AS_PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Origin": f"https://{HOST}"}


@pytest.fixture(scope="module", params=["http", "https"])
def cookies(request, tmp_path_factory, tables):
    """The cookies of a sign-in, as {name: attributes in lower case}, and how the console is reached."""
    over_https = request.param == "https"
    variables = BEHIND_HTTPS if over_https else {}
    console = RunningConsole(tmp_path_factory.mktemp("var"), "--no-sandbox", tables=tables, **variables)
    console.start()
    try:
        yield request.param, dict(set_at_sign_in(console, AS_PROXY if over_https else {}))
    finally:
        console.stop()


def set_at_sign_in(console, headers):
    form = httpx.get(f"{console.url}/accounts/login/", headers=headers)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)[1]
    entries = {"login": console.email, "password": console.password, "csrfmiddlewaretoken": token}
    sent = {**headers, "Cookie": "; ".join(value.split(";")[0] for value in form.headers.get_list("Set-Cookie"))}
    noticed = httpx.post(f"{console.url}/", data=entries, headers=sent)  # "You are no longer signed in"
    answer = httpx.post(f"{console.url}/accounts/login/", data=entries, headers=sent)
    assert (noticed.status_code, answer.status_code) == (302, 302)
    for cookie in noticed.headers.get_list("Set-Cookie") + answer.headers.get_list("Set-Cookie"):
        name, _, rest = cookie.partition("=")
        yield name, {attribute.strip().lower() for attribute in rest.split(";")[1:]}


def test_their_names_bind_them_to_https_and_this_host_where_there_is_https(cookies):
    kind, found = cookies
    prefix = "__Host-" if kind == "https" else ""
    assert {f"{prefix}sessionid", f"{prefix}csrftoken", f"{prefix}messages"} <= set(found)
    assert all(name.startswith("__Host-") == (kind == "https") for name in found)


def test_each_has_what_its_name_demands(cookies):
    kind, found = cookies
    for attributes in found.values():
        assert {"path=/", "samesite=lax"} <= attributes
        assert ("secure" in attributes) == (kind == "https")
        assert not [attribute for attribute in attributes if attribute.startswith("domain")]


def test_no_script_reads_them_but_the_one_that_scripts_send_back(cookies):
    readable = {name.removeprefix("__Host-") for name, attributes in cookies[1].items() if "httponly" not in attributes}
    assert readable == {"csrftoken"}
