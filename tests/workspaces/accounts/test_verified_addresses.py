"""Whether an identity provider vouches for an email address: what it says, whatever form it says it in."""

import pytest
from allauth.socialaccount.models import SocialAccount

from tests.workspaces.accounts.conftest import recorded
from tests.workspaces.accounts.identity_provider import go_through
from workspaces.models import Invitation, Role, User
from workspaces.services import members

pytestmark = pytest.mark.django_db

MISSING = object()
NOT_VERIFIED = [
    *("false", "False", "FALSE", "0", "1", "no", "yes", "on", "True", "TRUE", " true", "true ", "", "null", "verified"),
    *(False, None, 0, 1, 1.0, [], [True], ["true"], {}, {"verified": True}, MISSING),
]
VERIFIED = [True, "true"]


def claims_of(email, verified, sub="person-1"):
    said = {} if verified is MISSING else {"email_verified": verified}
    return {"sub": sub, "email": email, **said}


def repeat(form):
    return "missing" if form is MISSING else repr(form)


@pytest.mark.parametrize("form", NOT_VERIFIED, ids=repeat)
def test_nobody_signs_in_to_an_account_by_an_address_that_is_not_verified(client, provider, viewer, form):
    provider.claims = claims_of(viewer.email, form)
    answer = go_through(client)
    assert answer.status_code == 403
    assert "verified your email address" in answer.content.decode()
    assert client.get("/").status_code == 302
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("form", NOT_VERIFIED, ids=repeat)
def test_nor_takes_an_invitation(client, provider, workspace, owner, form):
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OWNER)
    provider.claims = claims_of("operations@example.test", form)
    assert go_through(client).status_code == 403
    assert not User.objects.filter(email="operations@example.test").exists()
    assert Invitation.objects.open().count() == 1


@pytest.mark.parametrize("form", NOT_VERIFIED, ids=repeat)
def test_nor_links_an_identity_to_the_account_that_they_are_signed_in_to(client, provider, viewer, form):
    client.force_login(viewer)
    provider.claims = claims_of(viewer.email, form)
    assert go_through(client).status_code == 403
    assert not SocialAccount.objects.exists()
    assert not recorded("person:sso_linked")


@pytest.mark.parametrize("form", VERIFIED, ids=repeat)
def test_what_is_true_signs_in_links_and_joins(client, provider, viewer, workspace, owner, form):
    members.invite(workspace, members.Actor(owner), email="operations@example.test", role=Role.OPERATOR)
    for address in (viewer.email, "operations@example.test"):
        provider.claims = claims_of(address, form, sub=address)
        assert go_through(client).status_code == 302
        assert client.get("/w/example-works/").status_code == 200
        client.post("/accounts/logout/")
    assert SocialAccount.objects.count() == 2


DISAGREEMENTS = [
    ({"email_verified": True}, {"email_verified": False}),
    ({"email_verified": False}, {"email_verified": True}),
    ({"email_verified": True}, {"email_verified": "false"}),
    ({"email_verified": True}, {"email_verified": MISSING}),
    ({"email_verified": MISSING}, {"email_verified": True}),
    ({"email_verified": True}, {"email_verified": True, "email": "somebody.else@example.test"}),
    ({"email_verified": True}, {"email_verified": False, "email": MISSING}),
    ({"email_verified": True}, {"email_verified": True, "email": ["viewer@example.test"]}),
]


@pytest.mark.parametrize(("userinfo", "id_token"), DISAGREEMENTS)
def test_where_the_provider_contradicts_itself_it_does_not_vouch(client, provider, viewer, userinfo, id_token):
    base = {"sub": "person-1", "email": viewer.email}
    provider.claims, provider.id_claims = (
        {name: value for name, value in {**base, **said}.items() if value is not MISSING}
        for said in (userinfo, id_token)
    )
    assert go_through(client).status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("silent", ["claims", "id_claims"])
def test_one_of_the_two_may_say_nothing_of_addresses(client, provider, viewer, silent):
    provider.id_claims = provider.claims = claims_of(viewer.email, True)
    setattr(provider, silent, {"sub": "person-1"})
    assert go_through(client)["Location"] == "/w/example-works/"
    assert client.get("/w/example-works/").status_code == 200


def test_userinfo_about_somebody_else_signs_nobody_in(client, provider, viewer):
    provider.claims = claims_of(viewer.email, True)
    go_through(client)
    client.post("/accounts/logout/")
    provider.id_claims = claims_of(viewer.email, True, sub="person-2")
    assert go_through(client).status_code == 401
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    "claims",
    [
        {},
        [],
        "text",
        None,
        {"sub": "person-1", "email": ["viewer@example.test"], "email_verified": True},
        {"sub": "person-1", "email": 7, "email_verified": True},
        {"sub": "person-1", "email": {"address": "viewer@example.test"}, "email_verified": True},
        {"sub": "x" * 5000, "email": "viewer@example.test", "email_verified": True},
        {"sub": "person-1", "email": "viewer@example.test", "email_verified": True, "name": ["a"]},
        {"sub": "person\x001", "email": "viewer@example.test", "email_verified": True},
        {"sub": "person-1", "email": "viewer@example.test", "email_verified": True, "locale": "\x00"},
        {"sub": "person-1", "email": "viewer\x00@example.test", "email_verified": True},
    ],
)
def test_an_odd_answer_of_the_provider_is_no_error_of_ours(client, provider, viewer, claims):
    provider.id_claims, provider.claims = {"sub": "person-1"}, claims
    assert go_through(client).status_code in {302, 401, 403}


ALIKE = ["\u212a", "\u017f", "\u0131"]  # the Kelvin sign, the long s and the dotless i


@pytest.mark.parametrize("letter", ALIKE, ids=ascii)
@pytest.mark.parametrize("invited", [False, True])
def test_an_address_that_only_looks_like_another_is_another_one(client, provider, workspace, owner, letter, invited):
    address = "kiosk@skiing.test"
    if invited:
        members.invite(workspace, members.Actor(owner), email=address, role=Role.OWNER)
    else:
        User.objects.create_user(address)
    provider.claims = claims_of(address.replace({"\u212a": "k", "\u017f": "s", "\u0131": "i"}[letter], letter), True)
    assert go_through(client).status_code == 403
    assert not SocialAccount.objects.exists()
    assert Invitation.objects.open().count() == int(invited)
