"""Guessing passwords is stopped, and stops nobody else: counted by account and network, known devices apart."""

import pytest
from django.test import Client

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import code_of, grow_stale, link_in_mail, sign_in, with_app
from workspaces.models import Action, AuditEvent, User

pytestmark = pytest.mark.django_db
TOO_MANY = "Too many attempts"
NEW = "another long enough phrase"


@pytest.fixture
def known(viewer):
    """A browser that has signed in to the viewer's account before."""
    browser = Client()
    sign_in(browser, viewer)
    browser.post("/accounts/logout/")
    return browser


def at(address):
    return Client(REMOTE_ADDR=address)


def guess(user, times=6, client=None):
    """Try wrong passwords; return the last page."""
    client = client or Client()
    return [sign_in(client, user, f"wrong {number}") for number in range(times)][-1].content.decode()


def gets_in(client, user):
    return sign_in(client, user).status_code == 302


def test_after_five_wrong_passwords_not_even_the_right_one_is_taken_from_there(viewer):
    assert TOO_MANY not in guess(viewer, 5)
    assert TOO_MANY in sign_in(Client(), viewer).content.decode()


def test_another_network_is_not_locked_out(viewer):
    guess(viewer)
    assert gets_in(at("198.51.100.7"), viewer)


def test_a_known_device_gets_through_on_the_attacker_s_own_network(viewer, known):
    guess(viewer)
    assert not gets_in(Client(), viewer)
    assert gets_in(known, viewer)


def test_where_everybody_shares_an_address_one_attacker_keeps_no_known_device_out(viewer, known):
    for number in range(40):
        sign_in(Client(), User(email=f"nobody-{number}@example.test"), "wrong")
    assert not gets_in(Client(), viewer)
    assert gets_in(known, viewer)


def test_guesses_from_many_networks_are_counted_together(viewer, known):
    for number in range(50):
        sign_in(at(f"198.51.100.{number}"), viewer, "wrong")
    assert not gets_in(at("198.51.100.200"), viewer)
    assert gets_in(known, viewer)


def test_a_known_device_cannot_guess_without_end(viewer, known):
    guess(viewer, 5, known)
    assert TOO_MANY in sign_in(known, viewer).content.decode()


def test_it_is_known_to_its_own_account_alone(viewer, owner, known):
    guess(owner)
    assert not gets_in(known, owner)


@pytest.mark.parametrize("forge", ["", "made-up", "{}A", "x{}"])
def test_a_forged_cookie_makes_no_device_known(viewer, known, forge):
    forger = Client()
    forger.cookies["known_device"] = forge.format(known.cookies["known_device"].value)
    guess(viewer)
    assert not gets_in(forger, viewer)


def test_the_cookie_tells_no_address_and_no_script_reads_it(viewer, known):
    cookie = known.cookies["known_device"]
    assert viewer.email.partition("@")[0] not in cookie.value
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_right_passwords_do_not_count(viewer):
    for _ in range(12):
        assert gets_in(Client(), viewer)


def test_guesses_at_others_do_not_stop_somebody_from_confirming_who_they_are(client, viewer):
    sign_in(client, viewer)
    client.cookies.pop("known_device")
    for number in range(12):
        sign_in(Client(), User(email=f"nobody-{number}@example.test"), "wrong")
    grow_stale(client)
    client.post("/accounts/confirm/password/", {"password": PASSWORD})
    assert client.get("/accounts/security/app/add/").status_code == 200


def test_guesses_at_others_do_not_stop_a_code(client, viewer):
    with_app(viewer)
    sign_in(client, viewer)
    for number in range(12):
        sign_in(Client(), User(email=f"nobody-{number}@example.test"), "wrong")
    assert client.post("/accounts/login/code/", {"code": code_of(viewer)})["Location"] == "/w/example-works/"


def test_a_new_password_by_e_mail_ends_the_lock_out(client, viewer):
    guess(viewer)
    client.post("/accounts/password/reset/", {"email": viewer.email})
    form = client.get(link_in_mail("/accounts/password/reset/key/"))["Location"]
    client.post(form, {"password1": NEW, "password2": NEW})
    assert sign_in(Client(), viewer, NEW).status_code == 302


def test_the_right_password_of_a_closed_account_is_answered_counted_and_recorded_like_a_wrong_one(viewer):
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    browser = Client()
    right, wrong = sign_in(browser, viewer), sign_in(browser, viewer, "wrong")
    assert (right.status_code, right.headers.get("Location")) == (200, None)
    assert "Wrong email address or password" in right.content.decode()
    assert "Wrong email address or password" in wrong.content.decode()
    assert AuditEvent.objects.filter(action=Action.SIGN_IN_FAILED).count() == 2
    for _ in range(3):
        sign_in(browser, viewer)
    assert TOO_MANY in sign_in(browser, viewer).content.decode()


@pytest.mark.parametrize("letter", ["\u0131", "\u212a", "\u017f"], ids=ascii)
def test_other_spellings_of_an_address_are_counted_with_it(db, letter):
    user = User.objects.create_user("kiosk@skiing.test", PASSWORD)
    plain = {"\u0131": "i", "\u212a": "k", "\u017f": "s"}[letter]
    for number in range(5):
        spelling = user.email.replace(plain, letter, 1) if number % 2 else user.email
        Client().post("/accounts/login/", {"login": spelling, "password": "wrong"})
    assert "Too many attempts" in sign_in(Client(), user).content.decode()
