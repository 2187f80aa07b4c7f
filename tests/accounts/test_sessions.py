"""One's own sessions, and ending them from afar."""

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from tests.accounts.conftest import recorded, sign_in

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


def test_somebody_elses_session_cannot_be_ended(two, operator):
    other = Client()
    sign_in(other, operator)
    assert other.post(f"{SESSIONS}{session_of('Elsewhere/1.0').pk}/end/").status_code == 404
    assert two[1].get("/").status_code == 200
