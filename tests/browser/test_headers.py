"""What Chromium receives and keeps: headers and cookies of every kind of answer."""

import contextlib
import re

from config.web.headers import HEADERS
from tests.broken_database import UNREADABLE, sessions_table_missing, unreadable_session

READABLE = {"csrftoken"}  # which scripts send back
WRITTEN_BY_SCRIPTS = {"theme", "tz"}
SUBMIT = """([url, entries]) => {
  const form = Object.assign(document.createElement("form"), {method: "post", action: url});
  for (const [name, value] of Object.entries(entries)) {
    form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
  }
  document.body.append(form);
  form.submit();
}"""
POST = "([url, body]) => fetch(url, {method: 'POST', body: new URLSearchParams(body)}).then(answer => answer.status)"
REFRESH = "document.querySelector('#keys-live').dispatchEvent(new CustomEvent('refresh'))"


def opened(page, url):
    return page.goto(url)


def redirected(page, url):
    return page.goto(url).request.redirected_from.response()


def part(page, url):
    page.goto(url)
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers) as caught:
        page.evaluate(REFRESH)
    return caught.value


def downloaded(page, url):
    page.goto("/audit/")
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value")
    with page.expect_response(lambda answer: url in answer.url) as caught, page.expect_download() as download:
        page.evaluate(SUBMIT, [url, {"format": "csv", "csrfmiddlewaretoken": token}])
    assert download.value.suggested_filename.endswith(".csv")
    return caught.value


def posted(body):
    def post(page, url):
        with page.expect_response(lambda answer: answer.request.method == "POST") as caught:
            page.evaluate(POST, [url, body])
        return caught.value

    return post


KINDS = [
    (200, opened, "/w/sandbox/keys/"),
    (200, part, "/w/sandbox/keys/"),
    (200, downloaded, "/audit/export/"),
    (200, opened, "/static/favicon.svg"),
    (200, opened, "/healthz"),
    (301, redirected, "/audit"),
    (302, redirected, "/accounts/login/"),
    (404, opened, "/no/such/page/"),
    (400, posted([["name", "value"]] * 2000), "/accounts/logout/"),
    (403, posted([]), "/accounts/logout/"),
    (500, opened, "/"),
    (503, opened, "/"),
]


def test_every_kind_of_answer_binds_the_browser(signed_in, console, complaints):
    for status, get, url in KINDS:
        if status == 500:
            signed_in.context.add_cookies([{"name": "sessionid", "value": UNREADABLE, "url": console.url}])
        breaking = {500: unreadable_session, 503: sessions_table_missing}.get(status)
        with breaking(console.var_dir / "console.sqlite3") if breaking else contextlib.nullcontext():
            answer = get(signed_in, url)
        assert answer.status == status, url
        assert_bound(answer.headers_array())
        if get is downloaded:
            assert answer.headers["cache-control"] == "private, no-store"
        elif get is part or url == "/w/sandbox/keys/":
            assert answer.headers["cache-control"] == "private, no-cache"
    complaints[:] = [line for line in complaints if "Failed to load resource" not in line]


def assert_bound(rows):
    names = [row["name"].lower() for row in rows if row["name"].lower() != "set-cookie"]
    assert len(names) == len(set(names)), "each once"
    received = {row["name"].lower(): row["value"] for row in rows}
    assert {name: received.get(name.lower()) for name in HEADERS} == HEADERS
    for cookie in (row["value"] for row in rows if row["name"].lower() == "set-cookie"):
        assert_guarded(cookie)


def assert_guarded(cookie):
    name, *attributes = re.split(r"=[^;]*;\s*|;\s*", cookie, maxsplit=1)
    rest = attributes[0].lower()
    assert "path=/" in rest
    assert "samesite=lax" in rest
    assert "domain" not in rest
    assert name in READABLE or "httponly" in rest


def test_what_chromium_keeps_is_out_of_reach_of_scripts_and_of_other_sites(signed_in):
    signed_in.goto("/")
    kept = {cookie["name"]: cookie for cookie in signed_in.context.cookies()}
    assert "sessionid" in kept
    for name, cookie in kept.items():
        assert cookie["sameSite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"].startswith(".")
        assert cookie["httpOnly"] or name in READABLE | WRITTEN_BY_SCRIPTS
    seen_by_scripts = signed_in.evaluate("document.cookie")
    assert "sessionid" not in seen_by_scripts
    assert kept["sessionid"]["value"] not in seen_by_scripts


def test_chromium_neither_frames_the_console_nor_runs_what_stands_in_its_pages(signed_in, complaints):
    signed_in.goto("/")
    signed_in.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')")
    signed_in.evaluate("document.body.append(Object.assign(document.createElement('iframe'), {src: '/audit/'}))")
    signed_in.wait_for_function("document.querySelector('iframe').contentDocument === null")
    assert signed_in.evaluate("window.ran") is None
    assert any("Refused to" in line or "violates" in line for line in complaints)
    complaints.clear()
