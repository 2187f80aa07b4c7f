"""Session ids are in browsers only: what lies in the database opens nothing, and still ends what it must."""

from datetime import timedelta
from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore as PlainStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import sign_in
from workspaces.accounts.sessions import SessionStore
from workspaces.services import sessions
from workspaces.tasks import clear_sessions

pytestmark = pytest.mark.django_db


def with_cookie(value):
    return Client(headers={"Cookie": f"sessionid={value}"})


def stored():
    """Every value that a reader of the database finds as the key of a session."""
    return [*Session.objects.values_list("pk", flat=True), *UserSession.objects.values_list("session_key", flat=True)]


def test_what_lies_in_the_database_signs_nobody_in(client, viewer):
    sign_in(client, viewer)
    assert with_cookie(client.cookies["sessionid"].value).get("/").status_code == 200
    assert len(stored()) == 2
    for key in stored():
        assert with_cookie(key).get("/").status_code == 302


def test_the_database_holds_nothing_that_is_in_the_cookie(client, viewer):
    sign_in(client, viewer)
    row = Session.objects.get()
    assert client.cookies["sessionid"].value not in {*stored(), row.session_data, str(SessionStore().decode(row.pk))}


def test_a_stolen_stored_key_as_a_cookie_ends_nobodys_session(client, viewer):
    sign_in(client, viewer)
    thief = with_cookie(stored()[0])
    thief.post("/accounts/logout/")
    thief.get("/accounts/login/")
    assert client.get("/").status_code == 200


def test_allauths_own_way_of_ending_a_session_works_on_what_is_stored(client, viewer):
    sign_in(client, viewer)
    assert UserSession.objects.get().exists()
    UserSession.objects.get().end()
    assert client.get("/").status_code == 302


def test_signing_out_ends_the_session_on_the_server(client, viewer):
    sign_in(client, viewer)
    cookie = client.cookies["sessionid"].value
    client.post("/accounts/logout/")
    assert with_cookie(cookie).get("/").status_code == 302
    assert not Session.objects.exists()


@pytest.mark.parametrize("value", ["", "short", "é" * 32, "a" * 40, "x" * 5000, "\x01" * 32])
def test_an_odd_cookie_is_no_session_and_no_error(value):
    client = Client()
    client.cookies["sessionid"] = value
    assert client.get("/").status_code == 302


def sign_in_before_the_upgrade(user):
    """A session as Django's own store keeps it, with allauth's row; return the cookie."""
    client = Client()
    sign_in(client, user)
    data = dict(client.session)
    Session.objects.all().delete()
    UserSession.objects.all().delete()
    data.pop("began")
    old = PlainStore()
    old.update(data)
    old.save()
    UserSession.objects.create(user=user, session_key=old.session_key, ip="192.0.2.1", user_agent="Old/1")
    return old.session_key


def upgrade():
    import_module("workspaces.migrations.0008_hash_session_keys").hash_keys(apps, None)


def test_who_was_signed_in_before_the_upgrade_still_is(viewer):
    cookie = sign_in_before_the_upgrade(viewer)
    upgrade()
    assert cookie not in stored()
    assert with_cookie(cookie).get("/").status_code == 200
    assert len(sessions.sessions_of(viewer)) == 1


def test_the_upgrade_may_run_twice(viewer):
    cookie = sign_in_before_the_upgrade(viewer)
    upgrade()
    before = stored()
    upgrade()
    assert stored() == before
    assert with_cookie(cookie).get("/").status_code == 200


def test_limits_of_an_older_session_count_from_the_upgrade(viewer, settings):
    cookie = sign_in_before_the_upgrade(viewer)
    upgrade()
    store = SessionStore(cookie)
    now = timezone.now()
    assert store.last_end - now <= timedelta(hours=settings.SESSION_HOURS)
    assert timedelta(minutes=settings.SESSION_IDLE_MINUTES - 1) < store.ends_at - now
    assert store.ends_at - now <= timedelta(minutes=settings.SESSION_IDLE_MINUTES)


def test_the_upgrade_leaves_what_another_key_has_signed(db):
    Session.objects.create(pk="a" * 32, session_data="no:such:signature", expire_date=timezone.now())
    upgrade()
    assert Session.objects.get().session_data == "no:such:signature"
    assert len(Session.objects.get().pk) == 40


@pytest.mark.parametrize("clear", [clear_sessions, lambda: call_command("clearsessions")], ids=["hourly", "command"])
def test_rows_of_sessions_that_are_over_are_cleared_and_others_stay(viewer, operator, clear):
    gone, here = Client(), Client()
    sign_in(gone, viewer)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    sign_in(here, operator)
    clear()
    assert [row.user for row in UserSession.objects.all()] == [operator]
    assert Session.objects.count() == 1
    assert here.get("/").status_code == 200


def test_the_clock_clears_every_hour(settings):
    plan = settings.CELERY_BEAT_SCHEDULE["clear sessions"]
    assert (plan["task"], plan["schedule"]) == (clear_sessions.name, 3600)


def test_a_new_password_keeps_this_session_and_its_age_and_ends_the_others(viewer):
    here, there = Client(), Client()
    for browser in (here, there):
        sign_in(browser, viewer)
    before, cookie = here.session["began"], here.cookies["sessionid"].value
    new = "another correct horse battery"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert here.session["began"] == before
    assert here.cookies["sessionid"].value != cookie
    assert [sessions.is_current(here.session, row) for row in UserSession.objects.all()] == [True]
    assert Session.objects.count() == 1
