"""What a stranger gets: the sign-in form, and nothing else."""

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

pytestmark = pytest.mark.django_db
PUBLIC = {
    "healthz",
    "readyz",
    "account_login",
    "account_logout",
    "account_inactive",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "openid_connect_login",
    "openid_connect_callback",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "invitation",
    # These two prove themselves: by the token of METRICS_TOKEN, and by the signature in the link.
    "metrics",
    "unsubscribe",
}


def named_views(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from named_views(pattern.url_patterns)


def test_every_view_but_the_public_ones_needs_signing_in():
    views = {view.name: view.callback for view in named_views(get_resolver().url_patterns)}
    public = {name for name, callback in views.items() if not getattr(callback, "login_required", True)}
    assert public - PUBLIC == set()


def test_nobody_can_sign_up(client):
    assert client.get("/accounts/signup/").status_code == 404


def test_signing_in_leads_home_or_to_the_only_workspace(client, owner, workspace):
    answer = client.post("/accounts/login/", {"login": owner.email, "password": "correct horse battery staple"})
    assert answer.status_code == 302
    assert answer["Location"] == "/w/example-works/"
    workspace.memberships.all().delete()
    client.logout()
    answer = client.post("/accounts/login/", {"login": owner.email, "password": "correct horse battery staple"})
    assert answer["Location"] == "/"


def test_a_wrong_password_does_not_tell_whether_the_account_exists(client, owner):
    answers = [
        client.post("/accounts/login/", {"login": address, "password": "wrong"}).context["form"].errors
        for address in (owner.email, "nobody@example.test")
    ]
    assert answers[0] == answers[1] != {}


def test_guessing_passwords_is_slowed_down(client, owner):
    for _ in range(30):
        answer = client.post("/accounts/login/", {"login": owner.email, "password": "wrong"})
    assert "too many" in answer.content.decode().lower()


def test_a_form_from_elsewhere_gets_a_page_that_says_what_to_do(owner):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": owner.email})
    assert answer.status_code == 403
    assert "text/html" in answer["Content-Type"]
    assert "CSRF" not in answer.content.decode()


def test_the_pages_policy_allows_no_inline_script_or_style(client):
    policy = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
