"""Signing in, out, and getting back in."""

import re

import pytest

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import (
    code_of,
    link_in_mail,
    recorded,
    recovery_codes_of,
    sent_mail,
    sign_in,
    with_app,
)
from workspaces.models import Membership, Role, Workspace

pytestmark = pytest.mark.django_db
NEW = "another long enough phrase"


def test_a_sign_in_is_recorded_with_how_and_from_where(client, viewer):
    sign_in(client, viewer)
    (event,) = recorded("person:signed_in")
    assert (event.actor, event.ip_address, event.details["methods"]) == (viewer, "127.0.0.1", ["password"])
    assert event.workspace is None


def test_a_sign_out_is_recorded(client, viewer):
    sign_in(client, viewer)
    client.post("/accounts/logout/")
    assert [event.actor for event in recorded("person:signed_out")] == [viewer]


def test_a_failed_sign_in_is_recorded_with_the_address_and_without_the_password(client, viewer):
    sign_in(client, viewer, "a wrong password")
    (event,) = recorded()
    assert (event.action, event.outcome, event.subject) == ("person:sign_in_failed", "refused", viewer.email)
    assert event.actor is None
    assert "a wrong password" not in str(vars(event))


def test_a_very_long_address_is_cut_in_the_trail(client, db):
    client.post("/accounts/login/", {"login": f"{'a' * 60}@{'b' * 60}.test", "password": "x"})
    assert len(recorded("person:sign_in_failed")[0].subject) == 80


def test_with_several_workspaces_signing_in_leads_to_their_list(client, viewer, workspace):
    other = Workspace.objects.create(name="Other works", slug="other-works", base_url=workspace.base_url)
    Membership.objects.create(workspace=other, user=viewer, role=Role.VIEWER)
    assert sign_in(client, viewer)["Location"] == "/"


def test_with_an_app_the_password_alone_does_not_sign_in(client, viewer):
    with_app(viewer)
    assert sign_in(client, viewer)["Location"] == "/accounts/login/code/"
    assert client.get("/")["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/login/code/", {"code": code_of(viewer)})["Location"] == "/w/example-works/"
    assert recorded("person:signed_in")[0].details["methods"] == ["password", "totp"]


def test_a_wrong_code_is_refused_in_words_and_recorded(client, viewer):
    with_app(viewer)
    sign_in(client, viewer)
    page = client.post("/accounts/login/code/", {"code": "000000"})
    assert "Wrong code" in page.content.decode()
    assert recorded("person:sign_in_failed")[0].actor == viewer


def test_a_code_works_once(client, viewer):
    with_app(viewer)
    code = code_of(viewer)
    sign_in(client, viewer)
    client.post("/accounts/login/code/", {"code": code})
    client.post("/accounts/logout/")
    sign_in(client, viewer)
    assert client.post("/accounts/login/code/", {"code": code}).status_code == 200


def test_a_code_that_was_used_already_is_told_from_a_wrong_one(client, viewer):
    with_app(viewer)
    code = code_of(viewer)
    sign_in(client, viewer)
    client.post("/accounts/login/code/", {"code": code})
    client.post("/accounts/logout/")
    sign_in(client, viewer)
    page = client.post("/accounts/login/code/", {"code": f"{code[:3]} {code[3:]}"}).content.decode()
    assert "Wait for the app" in page
    assert "Wrong code" not in page
    assert recorded("person:sign_in_failed")[0].actor == viewer


def test_a_recovery_code_that_was_used_is_told_from_a_wrong_one(client, viewer):
    with_app(viewer)
    code = recovery_codes_of(viewer)[0]
    for _ in range(2):
        sign_in(client, viewer)
        answer = client.post("/accounts/login/code/", {"code": code})
        client.post("/accounts/logout/")
    assert "That recovery code was already used" in answer.content.decode()


def test_a_recovery_code_signs_in_once(client, viewer):
    with_app(viewer)
    code = recovery_codes_of(viewer)[0]
    for expected in (302, 200):
        sign_in(client, viewer)
        assert client.post("/accounts/login/code/", {"code": code}).status_code == expected
        client.post("/accounts/logout/")
    assert len(recovery_codes_of(viewer)) == 9


def test_guessing_codes_is_slowed_down(client, viewer):
    with_app(viewer)
    sign_in(client, viewer)
    pages = [client.post("/accounts/login/code/", {"code": f"00000{n}"}).content.decode() for n in range(7)]
    assert "Too many attempts" in pages[-1]


def test_a_password_is_reset_by_a_link_in_an_e_mail(client, viewer):
    client.post("/accounts/password/reset/", {"email": viewer.email})
    form = client.get(link_in_mail("/accounts/password/reset/key/"))["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    assert sign_in(client, viewer, NEW)["Location"] == "/w/example-works/"
    assert [event.actor for event in recorded("person:password_reset")] == [viewer]
    assert "Your password was reset" in sent_mail()[-1].subject


def test_a_reset_link_works_once_and_says_so(client, viewer):
    client.post("/accounts/password/reset/", {"email": viewer.email})
    link = link_in_mail("/accounts/password/reset/key/")
    client.post(client.get(link)["Location"], {"password1": NEW, "password2": NEW})
    assert "This link doesn't work" in client.get(link).content.decode()


def test_the_link_names_the_public_address_whatever_host_was_asked(client, viewer):
    client.post("/accounts/password/reset/", {"email": viewer.email}, headers={"host": "127.0.0.1"})
    assert "http://localhost:8000/accounts/password/reset/key/" in sent_mail()[0].body


def test_asking_for_a_reset_does_not_tell_whether_the_account_exists(client, viewer):
    pages = [
        client.post("/accounts/password/reset/", {"email": address}, follow=True).content.decode()
        for address in (viewer.email, "nobody@example.test")
    ]
    known, unknown = (re.sub(r'(X-CSRFToken": ")\w+', "", page) for page in pages)
    assert known == unknown
    assert len(sent_mail()) == 1


def test_a_reset_does_not_go_around_the_second_factor(client, viewer):
    with_app(viewer)
    client.post("/accounts/password/reset/", {"email": viewer.email})
    client.post(
        client.get(link_in_mail("/accounts/password/reset/key/"))["Location"], {"password1": NEW, "password2": NEW}
    )
    assert client.get("/").status_code == 302
    assert sign_in(client, viewer, NEW)["Location"] == "/accounts/login/code/"


@pytest.mark.parametrize("uid", ["1", "zzzzzzzzzzzz", "0", "zzzzzzzzzzzzzzzzzzzzzz"])
def test_a_made_up_reset_link_gets_an_answer(client, db, uid):
    assert client.get(f"/accounts/password/reset/key/{uid}-made-up/").status_code in {200, 404}


def test_a_closed_account_stays_closed_whatever_the_password(client, viewer):
    viewer.is_active = False
    viewer.save()
    for password in (PASSWORD, "wrong"):
        sign_in(client, viewer, password)
        assert client.get("/")["Location"].startswith("/accounts/login/")


def test_changing_the_password_takes_the_old_one_and_is_recorded(client, viewer):
    client.force_login(viewer)
    url = "/accounts/password/change/"
    page = client.post(url, {"oldpassword": "wrong", "password1": NEW, "password2": NEW})
    assert "Wrong current password" in page.content.decode()
    client.post(url, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert [event.actor for event in recorded("person:password_changed")] == [viewer]
