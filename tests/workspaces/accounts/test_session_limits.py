"""Sessions end when nobody is there, and at the latest after a while; what a page asks for by itself is nobody."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import recorded, sign_in
from workspaces.accounts.sessions import SessionStore
from workspaces.audit.events import Actor
from workspaces.models import Limits, Membership, SessionLimits, Workspace
from workspaces.services import sessions

pytestmark = pytest.mark.django_db
START = datetime(2026, 4, 6, 12, tzinfo=UTC)
BY_ITSELF = {"Console-Automatic": "true"}
KEYS = "http://testserver/w/example-works/keys/?q=a"


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def signed_in(clock, client, viewer):
    sign_in(client, viewer)
    return client


def is_open(client, **headers):
    return client.get("/account/", headers=headers).status_code == 200


def test_a_session_that_nobody_uses_ends_after_the_idle_limit(signed_in, clock):
    clock.shift(timedelta(hours=12, seconds=-1))
    assert SessionStore(signed_in.cookies["sessionid"].value).load()
    clock.shift(1)
    assert not is_open(signed_in)


def test_what_a_person_does_counts_the_idle_limit_anew(signed_in, clock):
    for _ in range(3):
        clock.shift(timedelta(hours=11))
        assert is_open(signed_in)


def test_what_a_page_asks_for_by_itself_does_not(signed_in, clock):
    clock.shift(timedelta(hours=11))
    assert is_open(signed_in, **BY_ITSELF)
    clock.shift(timedelta(hours=1))
    assert not is_open(signed_in)


def test_what_is_put_into_a_session_does_not_lengthen_it(signed_in, clock):
    clock.shift(timedelta(hours=11))
    session = signed_in.session
    session["mark"] = 1
    session.save()
    clock.shift(timedelta(hours=1))
    assert not is_open(signed_in)


def test_a_session_in_use_ends_at_its_absolute_end(signed_in, clock):
    for _ in range(16):
        clock.shift(timedelta(hours=10))
        assert is_open(signed_in)
    clock.shift(timedelta(hours=8, seconds=-1))
    assert is_open(signed_in)
    clock.shift(1)
    assert not is_open(signed_in)


def test_signing_in_again_begins_anew_and_confirming_does_not(signed_in, clock, viewer):
    clock.shift(timedelta(hours=10))
    signed_in.post("/accounts/confirm/password/", {"password": PASSWORD})
    assert signed_in.session.last_end == START + timedelta(hours=168)
    signed_in.post("/accounts/logout/")
    sign_in(signed_in, viewer)
    assert signed_in.session.last_end == START + timedelta(hours=178)


def test_what_was_there_before_the_sign_in_does_not_lengthen_it(clock, client, viewer):
    session = client.session
    session["mark"] = 1
    session.save()
    client.get("/accounts/login/")
    sign_in(client, viewer)
    assert client.session.ends_at == START + timedelta(hours=12)


def test_a_session_that_does_not_tell_when_it_began_begins_now(signed_in, clock):
    session = signed_in.session
    del session["began"]
    session.save()
    clock.shift(timedelta(hours=1))
    assert is_open(signed_in)
    assert signed_in.session["began"] == (START + timedelta(hours=1)).timestamp()


def test_a_shorter_absolute_end_holds_at_once(signed_in, clock, settings):
    clock.shift(timedelta(hours=1))
    settings.SESSION_HOURS = 1
    assert not is_open(signed_in)


def test_shorter_limits_hold_for_sessions_that_there_are(signed_in, clock, settings):
    settings.SESSION_IDLE_MINUTES = 30
    assert is_open(signed_in)
    assert signed_in.session.ends_at == START + timedelta(minutes=30)
    assert Session.objects.get().expire_date == START + timedelta(minutes=30)
    settings.SESSION_HOURS = 1
    clock.shift(timedelta(minutes=29))
    assert is_open(signed_in)
    clock.shift(timedelta(minutes=28))
    assert is_open(signed_in)
    clock.shift(timedelta(minutes=3))
    assert not is_open(signed_in)


def writes(client, **headers):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert is_open(client, **headers)
    return [query["sql"] for query in queries if query["sql"].startswith("UPDATE") and "django_session" in query["sql"]]


def test_the_limit_is_written_once_a_minute_at_most(signed_in, clock):
    assert writes(signed_in) == []
    clock.shift(59)
    assert writes(signed_in) == []
    clock.shift(1)
    assert len(writes(signed_in)) == 1
    assert writes(signed_in) == []


def test_close_to_the_absolute_end_nothing_is_written_any_more(signed_in, clock):
    for hours in (11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11):
        clock.shift(timedelta(hours=hours))
        assert is_open(signed_in)
    clock.shift(timedelta(minutes=10))
    assert writes(signed_in) == []


def test_noting_that_a_person_is_there_leaves_what_others_put_into_the_session(signed_in, clock):
    slow = SessionStore(signed_in.cookies["sessionid"].value)
    slow.load()
    quick = signed_in.session
    quick["mark"] = 1
    quick.save()
    clock.shift(120)
    slow.touch()
    assert signed_in.session["mark"] == 1


def test_a_session_that_was_ended_meanwhile_is_no_error(signed_in, clock, viewer):
    clock.shift(120)
    store = SessionStore(signed_in.cookies["sessionid"].value)
    store.load()
    Session.objects.all().delete()
    store.touch()
    assert not is_open(signed_in)


def test_the_cookie_lasts_to_the_absolute_end(signed_in):
    assert signed_in.cookies["sessionid"]["max-age"] == 168 * 3600


def test_the_page_of_security_says_when_it_ends(signed_in):
    page = signed_in.get("/accounts/security/").content.decode()
    assert ">in 12 hours</time> if you're inactive" in page
    assert ">in 7 days</time> at the latest" in page


# --- when it ends in the middle ---------------------------------------------------------------------------------


def test_a_part_that_a_page_asks_for_leads_to_the_sign_in_form_and_back_to_the_page(client):
    answer = client.get("/w/example-works/keys/?seen=3", headers={"HX-Request": "true", "Referer": KEYS})
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fw%2Fexample-works%2Fkeys%2F%3Fq%3Da"


@pytest.mark.parametrize("htmx", [True, False])
def test_what_was_sent_is_not_done_and_the_sign_in_form_says_so(client, owner, workspace, htmx):
    headers = {"Referer": "http://testserver/w/example-works/settings/", **({"HX-Request": "true"} if htmx else {})}
    answer = client.post("/w/example-works/settings/details/", {"name": "Renamed"}, headers=headers)
    form = answer["HX-Redirect" if htmx else "Location"]
    assert form == "/accounts/login/?next=%2Fw%2Fexample-works%2Fsettings%2F"
    assert "so nothing was changed" in client.get(form).content.decode()
    assert Workspace.objects.get().name == workspace.name
    answer = client.post(form, {"login": owner.email, "password": PASSWORD, "next": "/w/example-works/settings/"})
    assert answer["Location"] == "/w/example-works/settings/"
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("referer", ["", "https://evil.test/x", "//evil.test/", "javascript:alert(1)"])
def test_from_nowhere_of_ours_it_leads_back_to_the_start_page(referer):
    answer = Client().post("/w/example-works/settings/details/", headers={"Referer": referer})
    assert answer["Location"] == "/accounts/login/?next=%2F"


LIMITS = "/people/sessions/"


@pytest.fixture
def as_admin(clock, admin):
    browser = Client()
    sign_in(browser, admin)
    return browser


def test_a_site_admin_sets_shorter_limits_and_everybody_else_signs_in_again(signed_in, as_admin, clock, viewer):
    answer = as_admin.post(LIMITS, {"idle_minutes": "30", "hours": "2"}, follow=True)
    assert "Other sessions ended: 1." in answer.text
    assert not is_open(signed_in)
    sign_in(signed_in, viewer)
    for browser in (signed_in, as_admin):
        assert browser.session.last_end == START + timedelta(hours=2)
    clock.shift(timedelta(minutes=30, seconds=-1))
    assert is_open(signed_in)
    clock.shift(timedelta(minutes=30))
    assert not is_open(signed_in)
    assert not is_open(as_admin)


def test_the_absolute_end_is_as_short(as_admin, clock):
    as_admin.post(LIMITS, {"idle_minutes": "90", "hours": "2"})
    clock.shift(timedelta(hours=1))
    assert is_open(as_admin)
    clock.shift(timedelta(hours=1))
    assert not is_open(as_admin)


def test_the_trail_tells_who_set_them(as_admin, admin):
    as_admin.post(LIMITS, {"idle_minutes": "30", "hours": "8"})
    (event,) = recorded("session_limits:changed")
    assert (event.actor, event.message) == (admin, "30 minutes without activity, 8 hours in total.")
    assert event.details == {"ended": 0}
    assert 'value="30"' in as_admin.get(LIMITS).text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"idle_minutes": "721", "hours": "8"}, "Enter 720 or less."),
        ({"idle_minutes": "30", "hours": "169"}, "Enter 168 or less."),
        ({"idle_minutes": "4", "hours": "8"}, "Enter 5 or more."),
        ({"idle_minutes": "30", "hours": "0"}, "Enter 1 or more."),
        ({"idle_minutes": "soon", "hours": "8"}, "Enter a whole number"),
        ({}, "Fill in this field."),
    ],
)
def test_they_are_never_longer_than_the_settings_allow(signed_in, as_admin, sent, words):
    answer = as_admin.post(LIMITS, sent)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert is_open(signed_in)
    assert not SessionLimits.objects.exists()


def test_settings_that_become_stricter_hold_for_everybody(as_admin, settings):
    as_admin.post(LIMITS, {"idle_minutes": "600", "hours": "100"})
    settings.SESSION_HOURS, settings.SESSION_IDLE_MINUTES = 3, 30
    assert SessionLimits.in_force() == Limits(30, 3)
    assert as_admin.session.last_end == START + timedelta(hours=3)


def test_who_is_no_site_admin_any_more_sets_none(signed_in, admin, viewer):
    with pytest.raises(PermissionDenied):
        sessions.set_limits(Limits(30, 2), Actor(viewer), signed_in.session)
    assert is_open(signed_in)
