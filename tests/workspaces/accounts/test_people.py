"""The page of all accounts, and what a site admin can do there."""

import re
from html import unescape

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from tests.workspaces.accounts.conftest import recorded, sent_mail, sign_in, with_app
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, admin):
    client.force_login(admin)
    return client


def test_every_account_is_listed_with_its_workspaces(page, owner, stranger):
    content = page.get("/people/").content.decode()
    assert owner.email in content
    assert stranger.email in content
    assert "Example Works" in content


def test_many_accounts_are_read_page_by_page_and_nobody_is_missed(page, django_assert_max_num_queries):
    people = [User(email=f"p{number:03}@example.com", is_active=number % 3 > 0) for number in range(130)]
    User.objects.bulk_create(people)
    seen, address = [], "/people/"
    while address:
        with django_assert_max_num_queries(12):
            content = page.get(address).content.decode()
        seen += re.findall(r"p\d{3}@example\.com", content.partition("<tbody>")[2].partition("</tbody>")[0])
        following = re.search(r'rel="next" href="([^"]+)"', content)
        address = f"/people/{unescape(following[1])}" if following else None
    assert sorted(set(seen)) == [person.email for person in people]
    assert seen == [p.email for p in sorted(people, key=lambda p: (not p.is_active, p.email))]


def test_an_account_is_found_by_a_part_of_its_address(page, owner, stranger):
    content = page.get("/people/", {"q": stranger.email[:6].upper()}).content.decode()
    assert stranger.email in content.partition("<tbody>")[2]
    assert owner.email not in content.partition("<tbody>")[2]
    assert "No matching accounts" in page.get("/people/", {"q": "nobody-has-this"}).content.decode()


@pytest.mark.parametrize("role", ["owner", "viewer", "stranger"])
def test_it_is_for_site_admins(client, request, admin, role):
    client.force_login(request.getfixturevalue(role))
    before = recorded()
    assert client.get("/people/").status_code == 403
    for command in ("deactivate", "reactivate", "reset-mfa"):
        assert client.post(f"/people/{admin.pk}/{command}/").status_code == 403
    assert recorded() == before


def test_a_deactivated_person_is_out_at_once_and_cannot_come_back(page, viewer):
    theirs = Client()
    sign_in(theirs, viewer)
    page.post(f"/people/{viewer.pk}/deactivate/")
    assert theirs.get("/")["Location"].startswith("/accounts/login/")
    sign_in(theirs, viewer)
    assert theirs.get("/").status_code == 302
    assert recorded("person:deactivated")[0].subject == viewer.email


def test_a_reactivated_person_has_their_roles_again(page, viewer, workspace):
    page.post(f"/people/{viewer.pk}/deactivate/")
    page.post(f"/people/{viewer.pk}/reactivate/")
    theirs = Client()
    sign_in(theirs, viewer)
    assert theirs.get("/w/example-works/").status_code == 200


def test_nobody_locks_themselves_out(page, admin):
    answer = page.post(f"/people/{admin.pk}/deactivate/", follow=True)
    assert "deactivate your own account. Ask another site admin" in answer.content.decode()
    assert page.get("/people/").status_code == 200


def test_lost_second_factors_are_reset_recorded_and_told(page, viewer):
    with_app(viewer)
    assert "stop working" in page.get(f"/people/{viewer.pk}/reset-mfa/").content.decode()
    page.post(f"/people/{viewer.pk}/reset-mfa/")
    assert not Authenticator.objects.exists()
    assert [event.subject for event in recorded("person:mfa_reset")] == [viewer.email]
    assert sent_mail()[0].to == [viewer.email]


def test_events_of_accounts_are_in_the_trail_of_the_site(page, viewer):
    sign_in(Client(), viewer, "wrong")
    assert "Sign-in failed" in page.get("/audit/").content.decode()


def test_twenty_accounts_take_as_many_queries_as_two(
    page, viewer, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(20) as few:
        page.get("/people/")
    for number in range(20):
        type(viewer).objects.create_user(f"person-{number}@example.test")
    with django_assert_num_queries(len(few)):
        page.get("/people/")
