"""The cookies that a real server sets."""

import re

import httpx

from tests.console_process import RunningConsole


def set_at_sign_in(url, **headers):
    """Sign in at the web server at ``url``; return the cookies as {name: attributes in lower case}."""
    form = httpx.get(f"{url}/accounts/login/", headers=headers)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)[1]
    entries = {
        "login": RunningConsole.email,
        "password": RunningConsole.password,
        "csrfmiddlewaretoken": token,
    }
    sent = {**headers, "Cookie": "; ".join(value.split(";")[0] for value in form.headers.get_list("Set-Cookie"))}
    noticed = httpx.post(f"{url}/", data=entries, headers=sent)  # "You are no longer signed in"
    answer = httpx.post(f"{url}/accounts/login/", data=entries, headers=sent)
    assert (noticed.status_code, answer.status_code) == (302, 302)
    return dict(map(_parse_cookie, noticed.headers.get_list("Set-Cookie") + answer.headers.get_list("Set-Cookie")))


def _parse_cookie(cookie):
    name, _, rest = cookie.partition("=")
    return name, {attribute.strip().lower() for attribute in rest.split(";")[1:]}


def assert_bound(cookies, *, prefix):
    """Each has what its name demands, and no script reads them but the one that scripts send back."""
    assert {f"{prefix}sessionid", f"{prefix}csrftoken", f"{prefix}messages"} <= set(cookies)
    assert all(name.startswith("__Host-") == bool(prefix) for name in cookies)
    for attributes in cookies.values():
        assert {"path=/", "samesite=lax"} <= attributes
        assert ("secure" in attributes) == bool(prefix)
        assert not [attribute for attribute in attributes if attribute.startswith("domain")]
    readable = {name for name, attributes in cookies.items() if "httponly" not in attributes}
    assert readable == {f"{prefix}csrftoken"}
