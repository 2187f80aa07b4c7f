"""Passkeys do what their owner allowed: sign in alone, or only after the password."""

import json

import pytest
from allauth.mfa.models import Authenticator

from tests.workspaces.accounts.conftest import recorded, sign_in
from tests.workspaces.accounts.virtual_passkey import SoftwarePasskey

pytestmark = pytest.mark.django_db(transaction=True)
ADD, LOGIN = "/accounts/security/passkeys/add/", "/accounts/login/passkey/"


@pytest.fixture
def secure(client):
    """A client that speaks HTTPS, as passkeys need."""
    client.defaults["wsgi.url_scheme"] = "https"
    client.defaults["HTTP_REFERER"] = "https://testserver/"
    return client


def add(client, passkey, credential=None, **fields):
    options = client.get(ADD).context["js_data"]["creation_options"]
    credential = passkey.create(json.loads(json.dumps(options, default=dict)))
    answer = client.post(ADD, {"name": "Laptop", "credential": credential, **fields})
    assert answer.status_code == 302, answer.content.decode()
    client.post("/accounts/logout/")
    return credential


def sign_in_alone(client, passkey):
    options = client.get(LOGIN, headers={"accept": "application/json"}).json()["request_options"]
    return client.post(LOGIN, {"credential": passkey.get(options)}, follow=True)


def test_a_passkey_signs_in_alone_if_its_owner_allowed_it(secure, viewer):
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    add(secure, passkey, passwordless="on")
    sign_in_alone(secure, passkey)
    assert secure.get("/").status_code == 200
    assert recorded("person:signed_in")[-1].details["methods"] == ["webauthn"]


def test_a_second_factor_does_not_sign_in_alone_however_well_it_verifies_its_user(secure, viewer):
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    add(secure, passkey)
    page = sign_in_alone(secure, passkey)
    assert "Enter your password first" in page.content.decode()
    assert secure.get("/").status_code == 302
    (event,) = recorded("person:sign_in_failed")
    assert event.message == "The passkey was added as a second factor only."


def test_after_the_password_it_serves(secure, viewer):
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    add(secure, passkey)
    assert sign_in(secure, viewer)["Location"] == "/accounts/login/code/"
    options = secure.get("/accounts/login/code/").context["js_data"]["request_options"]
    answer = passkey.get(json.loads(json.dumps(options, default=dict)))
    secure.post("/accounts/login/code/", {"credential": answer})
    assert secure.get("/").status_code == 200


@pytest.mark.parametrize(("fields", "words"), [({"passwordless": "on"}, ">Passwordless<"), ({}, ">Second factor<")])
def test_the_list_says_what_each_may(secure, viewer, fields, words):
    sign_in(secure, viewer)
    add(secure, SoftwarePasskey(), **fields)
    secure.force_login(viewer)
    assert words in secure.get("/accounts/security/").content.decode()


def test_the_browser_has_no_say_in_it(secure, viewer):
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    made = passkey.create
    passkey.create = lambda options: json.dumps({**json.loads(made(options)), "signs_in_alone": True})
    add(secure, passkey)
    sign_in_alone(secure, passkey)
    assert secure.get("/").status_code == 302


@pytest.mark.parametrize(("reported", "status"), [(True, 200), (False, 302), (None, 302)])
def test_of_a_passkey_from_before_the_choice_was_kept_the_browser_s_report_counts(secure, viewer, reported, status):
    sign_in(secure, viewer)
    passkey = SoftwarePasskey()
    add(secure, passkey, passwordless="on")
    row = Authenticator.objects.get(type="webauthn")
    del row.data["credential"]["signs_in_alone"]
    row.data["credential"]["clientExtensionResults"] = {} if reported is None else {"credProps": {"rk": reported}}
    row.save()
    sign_in_alone(secure, passkey)
    assert secure.get("/").status_code == status
