"""Setting up, using and giving up second factors."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache

from tests.workspaces.accounts.conftest import (
    code_of,
    grow_stale,
    recorded,
    recovery_codes_of,
    sent_mail,
    sign_in,
    with_app,
)

pytestmark = pytest.mark.django_db
SECURITY = "/accounts/security/"


@pytest.fixture
def person(client, viewer):
    sign_in(client, viewer)
    return viewer


@pytest.fixture
def enrol(client, transactional_db):
    """Set up an app through the page; return its secret and the answer. What follows it waits for a commit."""

    def enrolled():
        secret = client.get(f"{SECURITY}app/add/").context["form"].secret
        return secret, client.post(f"{SECURITY}app/add/", {"code": code_of(secret)})

    return enrolled


def test_an_app_is_set_up_by_its_first_code_and_leads_to_recovery_codes(client, person, enrol):
    _, answer = enrol()
    assert answer["Location"] == f"{SECURITY}recovery-codes/"
    codes = client.get(answer["Location"]).context["unused_codes"]
    assert codes == recovery_codes_of(person)
    assert len(codes) == 10


def test_it_is_recorded_and_told_by_e_mail(client, person, enrol):
    enrol()
    client.get(f"{SECURITY}recovery-codes/")
    actions = [event.action for event in recorded()]
    assert {"person:totp_added", "person:recovery_codes_made", "person:recovery_codes_shown"} <= set(actions)
    assert any("authenticator app was added" in message.subject for message in sent_mail())


def test_a_wrong_first_code_sets_nothing_up(client, person):
    client.get(f"{SECURITY}app/add/")
    page = client.post(f"{SECURITY}app/add/", {"code": "000000"})
    assert "Wrong code" in page.content.decode()
    assert not Authenticator.objects.exists()


def test_secrets_are_sealed_in_the_database(client, person, enrol):
    secret, _ = enrol()
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert stored.count("gAAAAA") == 2


def test_the_qr_code_is_drawn_without_a_style_or_an_image(client, person):
    page = client.get(f"{SECURITY}app/add/").content.decode()
    assert "<svg" in page
    assert "style=" not in page
    assert "data:image" not in page


def test_removing_the_app_takes_the_recovery_codes_along(client, viewer):
    with_app(viewer)
    sign_in(client, viewer)
    client.post("/accounts/login/code/", {"code": code_of(viewer)})
    client.post(f"{SECURITY}app/remove/")
    assert not Authenticator.objects.exists()
    assert recorded("person:totp_removed")[0].actor == viewer


@pytest.mark.parametrize("page", ["app/add/", "passkeys/add/"])
def test_a_new_factor_takes_a_fresh_confirmation(client, person, page):
    grow_stale(client)
    assert client.get(f"{SECURITY}{page}")["Location"].startswith("/accounts/confirm/password/")


def test_recovery_codes_take_a_fresh_confirmation_each_time(client, person, enrol):
    enrol()
    grow_stale(client)
    for page in ("recovery-codes/", "recovery-codes/new/", "recovery-codes/download/"):
        assert client.get(f"{SECURITY}{page}")["Location"].startswith("/accounts/confirm/code/")
    assert not recorded("person:recovery_codes_shown")


def test_new_recovery_codes_replace_the_old_ones(client, person, enrol):
    enrol()
    old = recovery_codes_of(person)
    client.post(f"{SECURITY}recovery-codes/new/")
    assert not set(old) & set(recovery_codes_of(person))


ANSWER = {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "enp6enp6enp6enp6enp6eg"}
GARBAGE = [
    "",
    "not json",
    "[]",
    "{}",
    "5",
    '{"id": 5}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": 7, "clientDataJSON": "e30"}}',
    json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": ANSWER}),
]


@pytest.mark.parametrize("credential", GARBAGE)
def test_a_passkey_that_is_none_gets_an_answer_and_no_entry(client, viewer, credential):
    client.get("/accounts/login/passkey/", headers={"accept": "application/json"})
    answer = client.post("/accounts/login/passkey/", {"credential": credential})
    assert answer["Location"] == "/accounts/login/"
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("credential", GARBAGE)
def test_no_passkey_is_made_of_garbage(client, person, credential):
    client.get(f"{SECURITY}passkeys/add/")
    page = client.post(f"{SECURITY}passkeys/add/", {"name": "x", "credential": credential, "passwordless": "on"})
    assert page.status_code == 200
    assert not Authenticator.objects.exists()


def test_a_refused_passkey_is_recorded(client, db):
    client.get("/accounts/login/passkey/", headers={"accept": "application/json"})
    client.post("/accounts/login/passkey/", {"credential": GARBAGE[-1]})
    assert [event.message for event in recorded("person:sign_in_failed")] == ["The passkey was not accepted."]


def last_used(kind):
    return next(row for row in Authenticator.objects.all() if row.type == kind).last_used_at


def test_an_app_counts_as_used_from_the_code_that_set_it_up(client, person, enrol):
    assert "Last used" not in client.get(SECURITY).text
    enrol()
    assert last_used("totp")
    assert last_used("recovery_codes") is None
    assert "never" not in client.get(SECURITY).text.partition("Last used")[2].partition("</p>")[0]


@pytest.mark.parametrize("confirming", [False, True])
def test_each_use_of_an_app_counts_the_confirming_of_who_is_there_too(client, viewer, confirming):
    with_app(viewer)
    sign_in(client, viewer)
    assert last_used("totp") is None
    client.post("/accounts/login/code/", {"code": code_of(viewer)})
    if confirming:
        Authenticator.objects.update(last_used_at=None)
        cache.clear()
        client.post("/accounts/confirm/code/", {"code": code_of(viewer)})
    assert last_used("totp")
    assert last_used("recovery_codes") is None
