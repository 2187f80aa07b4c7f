"""Headers, cookies, hosts, redirects and sizes: what holds on every page before any of ours is reached."""

import pytest
from django.test import Client

from .probe_requests import rolled_back
from .sign_in import sign_in

pytestmark = pytest.mark.django_db
PAGES = ["/", "/accounts/login/", "/w/example-works/", "/w/no-such-works/", "/healthz", "/no/such/page"]
ELSEWHERE = [
    "https://evil.test/",
    "//evil.test/",
    "///evil.test/",
    "/\\evil.test/",
    "\\\\evil.test/",
    "https:evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    " https://evil.test/",
    "\thttps://evil.test/",
    "/\t/evil.test/",
    "http://testserver@evil.test/",
    "http://testserver.evil.test/",
    "https://evil.test\\@testserver/",
]


@pytest.fixture
def as_owner(client, owner):
    return sign_in(client, owner)


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_carries_the_headers_that_bind_the_browser(as_owner, page):
    headers = as_owner.get(page).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("page", ["/", "/w/example-works/", "/w/no-such-works/"])
def test_what_a_person_sees_is_kept_by_no_cache_but_the_back_buttons(as_owner, page):
    assert as_owner.get(page)["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("page", ["/accounts/2fa/", "/accounts/sessions/"])
def test_what_is_about_signing_in_is_kept_by_no_cache_at_all(as_owner, page):
    assert as_owner.get(page)["Cache-Control"] == "private, no-store"


def test_in_production_cookies_are_secure_and_the_browser_stays_with_https(manage, tmp_path):
    script = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SECURE_HSTS_SECONDS,"
        " s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SAMESITE, s.CSRF_COOKIE_SAMESITE, s.SESSION_COOKIE_NAME,"
        " s.CSRF_COOKIE_NAME, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"
    )
    done = manage(
        "shell", "-v0", "-c", script, VAR_DIR=tmp_path, PUBLIC_URL="https://console.example.com", TRUSTED_PROXY_COUNT=1
    )
    assert done.stdout.split() == [
        "True",
        "True",
        "True",
        "31536000",
        "True",
        "Lax",
        "Lax",
        "__Host-sessionid",
        "__Host-csrftoken",
        *["False", "False"],  # a neighbour's names are its own
    ]


def test_signing_in_gives_a_new_session_and_a_new_csrf_token(owner):
    browser = Client()
    browser.get("/accounts/login/")
    session = browser.session
    session["mark"] = "planted"
    session.save()
    browser.cookies["sessionid"] = planted = session.session_key
    browser.cookies["csrftoken"] = "a" * 32
    browser.post("/accounts/login/", {"login": owner.email, "password": "correct horse battery staple"})
    assert browser.cookies["sessionid"].value != planted
    assert browser.cookies["csrftoken"].value != "a" * 32
    assert Client(headers={"Cookie": f"sessionid={planted}"}).get("/").status_code == 302


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_to_another_site(client, owner, target):
    form = {"login": owner.email, "password": "correct horse battery staple", "next": target}
    answer = client.post("/accounts/login/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/w/example-works/")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_confirming_and_signing_out_never_lead_to_another_site(owner, target):
    for path, form in (
        ("/accounts/confirm/password/", {"password": "correct horse battery staple"}),
        ("/accounts/logout/", {}),
    ):
        with rolled_back():
            answer = sign_in(Client(), owner, minutes_ago=60).post(path, {**form, "next": target})
            assert "evil" not in answer.get("Location", "")


@pytest.mark.parametrize("referer", [*ELSEWHERE, "http://testserver.evil.test/w/"])
def test_refreshing_leads_back_only_within_the_console(world, referer):
    browser = sign_in(Client(), world.people["owner"])
    answer = browser.post("/w/example-works/refresh/balance/", headers={"Referer": referer})
    assert answer["Location"] == "/w/example-works/"


@pytest.mark.parametrize(
    "host", ["evil.test", "testserver:80@evil.test", "localhost.evil.test", "x" * 300, "a b", "[::"]
)
def test_a_request_for_another_host_is_refused(client, host):
    answer = client.get("/accounts/login/", headers={"Host": host})
    assert answer.status_code == 400
    assert host.encode() not in answer.content
    assert b"ALLOWED_HOSTS" not in answer.content


def test_who_pretends_to_be_a_proxy_is_not_believed(client):
    answer = client.get("/accounts/login/", headers={"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"})
    assert b"evil.test" not in answer.content
    assert not answer.wsgi_request.is_secure()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("&".join(f"f{n}=1" for n in range(1500)), "application/x-www-form-urlencoded"),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
        ("name=x", "multipart/form-data"),
        ("name=x", "multipart/form-data; boundary=" + "é" * 10),
        ("name=%ff%fe", "application/x-www-form-urlencoded"),
        ("name=x", "application/x-www-form-urlencoded; charset=no-such-charset"),
        ("{", "application/json"),
    ],
)
def test_a_body_that_is_no_form_is_no_error_of_ours(owner, body, content_type):
    browser = sign_in(Client(raise_request_exception=False), owner)
    answer = browser.generic("POST", "/account/", body, content_type)
    assert answer.status_code in {200, 302, 400, 422}


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/w/%00/",
        "/w/x%0d%0aSet-Cookie:a=b/",
        "/%ff",
        "/../../etc/passwd",
        "/static/../manage.py",
        "/w/example-works/keys/?q=%00&sort=%ff",
    ],
)
def test_odd_addresses_get_a_page_and_nothing_else(owner, path):
    answer = sign_in(Client(raise_request_exception=False), owner).get(path)
    assert answer.status_code in {200, 400, 404}
    assert "a=b" not in str(answer.cookies)
