"""Who revokes half of the keys or more is asked who they are, however they go about it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from cleanlist import Secret
from core import clock
from core.encryption import EncryptedValue
from keys.models import ApiKey
from keys.services import begin_revocation, is_mass_revocation
from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import grow_stale
from workspaces.audit.events import Actor

from .conftest import add_session, make_key

HTMX = {"HX-Request": "true"}


@pytest.fixture
def ten(mirror):
    """Ten active keys, and a person who signed in long ago. Upstream cannot be reached, so none is revoked."""
    grow_stale(mirror.http)
    add_session(
        mirror.workspace,
        session_id="sess_tests",
        client_token=EncryptedValue.encrypt(Secret("client-token-of-the-tests")),
    )
    return [make_key(mirror.workspace, f"Key {number}") for number in range(10)]


def asks(answer):
    location = answer.headers.get("HX-Redirect", answer.headers.get("Location", ""))
    return location.startswith("/accounts/confirm/password/?next=")


def ids(keys):
    return {"key": [str(key.key_id) for key in keys]}


def begun():
    return ApiKey.objects.filter(revoke_begun_at__isnull=False).count()


@pytest.mark.parametrize(("count", "expected"), [(1, False), (4, False), (5, True), (10, True)])
def test_half_of_the_keys_at_once_ask_and_fewer_do_not(mirror, ten, count, expected):
    assert asks(mirror.get("revoke_selected", query_params=ids(ten[:count]))) == expected
    assert asks(mirror.post("revoke_selected", data=ids(ten[:count]))) == expected
    assert begun() == (0 if expected else count)


def test_one_after_another_asks_when_it_comes_to_half(mirror, ten):
    answers = [asks(mirror.post("revoke", key.key_id)) for key in ten]
    assert answers == [False] * 4 + [True] * 6
    assert begun() == 4


def test_selections_one_after_another_ask_too(mirror, ten):
    assert not asks(mirror.post("revoke_selected", data=ids(ten[:3])))
    assert not asks(mirror.post("revoke", ten[3].key_id))
    assert asks(mirror.post("revoke_selected", data=ids(ten[4:6])))


def test_keys_that_are_gone_by_now_still_count_among_those_there_were(mirror, ten):
    for key in ten[:4]:
        mirror.post("revoke", key.key_id)
    ApiKey.objects.filter(pk__in=[key.pk for key in ten[:4]]).update(is_active=False, revoked_at=timezone.now())
    assert asks(mirror.post("revoke", ten[4].key_id))


def test_the_same_key_again_counts_once(mirror, ten):
    assert [asks(mirror.post("revoke", ten[0].key_id)) for _ in range(6)] == [False] * 6


def test_what_was_revoked_a_day_ago_no_longer_counts(mirror, ten):
    for key in ten[:4]:
        mirror.post("revoke", key.key_id)
    ApiKey.objects.update(revoke_begun_at=timezone.now() - timedelta(hours=25))
    assert not asks(mirror.post("revoke", ten[4].key_id))


def test_what_somebody_else_revoked_does_not_count(mirror, ten, owner):
    for key in ten[:4]:
        mirror.post("revoke", key.key_id)
    other = Client()
    other.force_login(owner)
    grow_stale(other)
    assert not asks(other.post(mirror.url("revoke", ten[4].key_id)))


def test_the_last_key_asks_and_one_that_is_revoked_already_does_not(mirror, ten):
    ApiKey.objects.exclude(pk=ten[0].pk).update(is_active=False, revoked_at=timezone.now())
    assert asks(mirror.post("revoke", ten[0].key_id))
    assert not asks(mirror.post("revoke", ten[1].key_id))


def test_keys_of_another_workspace_are_not_among_those_there_are(mirror, ten, workspace):
    other = type(workspace).objects.create(name="Other", slug="other", base_url=workspace.base_url)
    for _ in range(5):
        make_key(other)
    assert asks(mirror.post("revoke_selected", data=ids(ten[:5])))


def test_it_is_noted_before_anything_is_sent(ten, operator, workspace):
    """So that ten requests at the same moment, of which none has ended, count as one after another."""
    actor = Actor(operator)
    for key in ten[:4]:
        begin_revocation(workspace, actor, [key], confirm=pytest.fail)
    assert is_mass_revocation(workspace, actor, [ten[4]])


def test_the_dialog_leads_to_the_page_of_the_same_keys(mirror, ten):
    answer = mirror.get("revoke_selected", query_params=ids(ten), headers=HTMX)
    page = mirror.http.get(answer["HX-Redirect"])
    form = {"password": PASSWORD, "next": page.context["redirect_field_value"]}
    text = mirror.http.post("/accounts/confirm/password/", form, follow=True).content.decode()
    assert "Revoke 10 keys" in text


def test_a_dialog_that_was_opened_in_time_may_be_read_for_a_while(mirror, ten):
    mirror.http.force_login(mirror.http.get("/").wsgi_request.user)
    page = mirror.get("revoke_selected", query_params=ids(ten)).content.decode()
    mark = page.partition('name="opened" value="')[2].partition('"')[0]
    grow_stale(mirror.http)
    assert not asks(mirror.post("revoke_selected", data={**ids(ten), "opened": mark}))
    assert begun() == 10


def test_the_questions_take_as_many_queries_for_ten_keys_as_for_two(mirror, ten, django_assert_num_queries, operator):
    actor = Actor(operator)
    for chosen in (ten[:2], ten):
        # As in a request; the third asks for the database's clock.
        with clock.cache_now(), django_assert_num_queries(3 if connection.vendor == "postgresql" else 2):
            is_mass_revocation(mirror.workspace, actor, chosen)
