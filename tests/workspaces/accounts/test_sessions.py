"""One's own sessions, and ending them from afar."""

import re

import brotli
import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import link_in_mail, recorded, sign_in
from workspaces.services import sessions

pytestmark = pytest.mark.django_db
SESSIONS = "/accounts/sessions/"


@pytest.fixture
def two(viewer):
    """The same person in two browsers."""
    here, there = Client(), Client(headers={"user-agent": "Elsewhere/1.0"})
    for browser in (there, here):
        sign_in(browser, viewer)
    return here, there


def session_of(agent):
    return UserSession.objects.get(user_agent=agent)


def test_all_sessions_are_listed_with_browser_and_address(two):
    page = two[0].get(SESSIONS).content.decode()
    assert "Elsewhere/1.0" in page
    assert "127.0.0.1" in page


@pytest.mark.parametrize("after", ["9" * 5000, "\u0669", "-1", "nonsense"])
def test_a_place_that_is_none_is_the_first_page(two, after):
    answer = two[0].get(SESSIONS, {"after": after})
    assert answer.status_code == 200
    assert len(answer.context["sessions"]) == 2


def test_known_browsers_are_named_in_words(client, viewer):
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    client.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD}, headers={"user-agent": chrome})
    assert "Chrome on Linux</span>" in client.get(SESSIONS).content.decode()
    client.post(f"{SESSIONS}{session_of(chrome).pk}/end/")
    assert recorded("person:session_ended")[0].subject == "Chrome on Linux from 127.0.0.1"


def test_a_session_elsewhere_is_ended(two, viewer):
    here, there = two
    here.post(f"{SESSIONS}{session_of('Elsewhere/1.0').pk}/end/")
    assert there.get("/")["Location"].startswith("/accounts/login/")
    assert here.get("/").status_code == 200
    (event,) = recorded("person:session_ended")
    assert "Elsewhere/1.0" in event.subject


def test_all_others_are_ended_at_once(two):
    here, there = two
    here.post(f"{SESSIONS}end-others/")
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_signing_out_everywhere_ends_this_one_too(two):
    answer = two[0].post(f"{SESSIONS}end-all/", follow=True)
    assert "You are signed out everywhere." in answer.content.decode()
    assert [browser.get("/").status_code for browser in two] == [302, 302]
    assert len(recorded("person:session_ended")) == 2
    assert not Session.objects.filter(pk__in=UserSession.objects.values("session_key"))


def test_this_session_is_marked_and_ending_it_leads_to_the_sign_in_form(two):
    here, there = two
    page = here.get(SESSIONS).content.decode()
    assert page.count("This device") == 1
    answer = here.post(f"{SESSIONS}{UserSession.objects.exclude(user_agent='Elsewhere/1.0').get().pk}/end/")
    assert answer["Location"] == "/accounts/login/"
    assert here.get("/").status_code == 302
    assert there.get("/").status_code == 200


def test_a_session_that_a_command_has_ended_is_not_listed(two, viewer):
    here = two[0]
    viewer.set_password("set on the command line 1")
    viewer.save()
    sign_in(here, viewer, "set on the command line 1")
    page = here.get(SESSIONS).content.decode()
    assert "Elsewhere/1.0" not in page
    assert "This device" in page


@pytest.mark.parametrize("command", ["sign-out", "reset-mfa", "deactivate"])
def test_what_a_site_admin_does_to_an_account_ends_all_its_sessions(two, viewer, admin, command):
    site_admin = Client()
    sign_in(site_admin, admin)
    site_admin.post(f"/people/{viewer.pk}/{command}/")
    assert [browser.get("/").status_code for browser in two] == [302, 302]
    assert site_admin.get("/").status_code == 200
    assert Session.objects.count() == 1


def test_a_site_admin_is_asked_first_and_the_trail_tells_whom_they_signed_out(two, viewer, admin):
    site_admin = Client()
    sign_in(site_admin, admin)
    assert f"Sign {viewer.email} out everywhere?" in site_admin.get(f"/people/{viewer.pk}/sign-out/").content.decode()
    assert two[0].get("/").status_code == 200
    site_admin.post(f"/people/{viewer.pk}/sign-out/")
    (event,) = recorded("person:session_ended")
    assert (event.actor, event.subject, event.message) == (admin, viewer.email, "Signed out everywhere: 2 sessions.")
    assert f"/people/{viewer.pk}/sign-out/" in site_admin.get("/people/").content.decode()


def test_a_reset_password_ends_every_session(two, viewer):
    stranger, new = Client(), "another correct horse battery"
    stranger.post("/accounts/password/reset/", {"email": viewer.email})
    form = stranger.get(link_in_mail("/accounts/password/reset/key/"), follow=True).request["PATH_INFO"]
    stranger.post(form, {"password1": new, "password2": new})
    assert [browser.get("/").status_code for browser in two] == [302, 302]
    assert not UserSession.objects.exists()


def test_no_session_is_ended_without_its_line_in_the_trail(two, monkeypatch):
    monkeypatch.setattr(sessions, "end", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        two[0].post("/accounts/sessions/end-all/")
    assert recorded("person:session_ended") == []
    assert [browser.get("/").status_code for browser in two] == [200, 200]


def test_somebody_elses_session_cannot_be_ended(two, operator):
    other = Client()
    sign_in(other, operator)
    assert other.post(f"{SESSIONS}{session_of('Elsewhere/1.0').pk}/end/").status_code == 404
    assert two[1].get("/").status_code == 200


def test_signing_out_everywhere_asks_first(client, viewer):
    sign_in(client, viewer)
    page = client.get("/accounts/sessions/end-all/")
    assert "including this one" in page.content.decode()
    assert client.get("/accounts/security/").status_code == 200


def test_everywhere_else_is_offered_only_where_there_is_an_else(client, viewer):
    sign_in(client, viewer)
    assert "Sign out other sessions" not in client.get("/accounts/security/").content.decode()
    sign_in(Client(), viewer)
    assert "Sign out other sessions" in client.get("/accounts/security/").content.decode()


def test_sessions_of_the_version_before_go_on(client, owner):
    client.force_login(owner)
    session = client.session
    session["_auth_user_backend"] = "dashboard.accounts.PasswordBackend"
    session.save()
    assert client.get("/", follow=True).context["user"] == owner


def test_many_sessions_come_in_pages_within_the_budget_and_end_at_once(two, viewer):
    here, there = two
    for number in range(45):
        sign_in(Client(headers={"user-agent": f"Elsewhere/{number + 2}.0 {'x' * 200}"}), viewer)
    first = here.get(SESSIONS)
    assert len(brotli.compress(first.content, quality=5)) < 8_000
    assert "This device" in first.content.decode()
    seen, page, pages = set(), first, 1
    while True:
        seen |= {row.pk for row in page.context["sessions"]}
        found = re.search(r'rel="next" href="([^"]+)"', page.content.decode())
        if found is None:
            break
        page, pages = here.get(SESSIONS + found[1]), pages + 1
    assert pages == 3
    assert seen == set(UserSession.objects.values_list("pk", flat=True))
    here.post(f"{SESSIONS}end-others/")
    assert UserSession.objects.count() == 1
    assert there.get("/").status_code == 302


@pytest.mark.parametrize("after", ["x", "-1", "0", "9" * 30, "\u0663"])
def test_any_place_in_the_sessions_is_answered(two, after):
    assert two[0].get(SESSIONS, {"after": after}).status_code == 200
