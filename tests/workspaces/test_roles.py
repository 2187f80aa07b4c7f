"""Who may open and do what: every address of these pages, for each member of the cast."""

import pytest

from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.django_db
W = "/w/example-works/"
EVERYONE, MEMBERS, OWNERS = 0, 1, 2
CAST = {"owner": OWNERS, "operator": MEMBERS, "viewer": MEMBERS, "stranger": EVERYONE}
ADDRESSES = [
    ("get", "/", EVERYONE),
    ("get", "/account/", EVERYONE),
    ("get", W, MEMBERS),
    ("get", f"{W}audit/", MEMBERS),
    ("get", f"{W}settings/", MEMBERS),
    ("post", f"{W}refresh/balance/", MEMBERS),
    ("post", f"{W}settings/details/", OWNERS),
    ("post", f"{W}settings/api-key/", OWNERS),
    ("get", f"{W}settings/api-key/remove/", OWNERS),
    ("post", f"{W}settings/api-key/remove/", OWNERS),
    ("post", f"{W}settings/session/", OWNERS),
    ("get", f"{W}settings/session/remove/", OWNERS),
    ("post", f"{W}settings/session/remove/", OWNERS),
    ("post", f"{W}settings/retry/", OWNERS),
    ("get", f"{W}settings/remove/", OWNERS),
    ("post", f"{W}settings/remove/", OWNERS),
]


@pytest.mark.parametrize("role", CAST)
@pytest.mark.parametrize(("method", "url", "needs"), ADDRESSES)
def test_an_address_opens_for_those_who_may(client, request, workspace, method, url, needs, role):
    client.force_login(request.getfixturevalue(role))
    status = getattr(client, method)(url).status_code
    if CAST[role] >= needs:
        assert status in {200, 302, 422}
    else:
        assert status == (404 if role == "stranger" else 403)


@pytest.mark.parametrize(("method", "url", "needs"), ADDRESSES)
def test_the_signed_out_are_led_to_the_sign_in_form(client, workspace, method, url, needs):
    answer = getattr(client, method)(url)
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", ["operator", "viewer", "stranger"])
def test_a_refused_command_changes_nothing(client, request, workspace, role):
    client.force_login(request.getfixturevalue(role))
    for method, url, needs in ADDRESSES:
        if method == "post" and needs == OWNERS:
            client.post(url, {"phrase": "Example Works"})
    assert Workspace.objects.get().api_key == workspace.api_key
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(("method", "url"), [(m, u) for m, u, _ in ADDRESSES if m == "post" and "remove" not in u])
def test_commands_are_not_given_by_following_a_link(as_owner, method, url):
    assert as_owner.get(url).status_code == 405


def test_the_sites_trail_is_for_site_admins(as_owner, admin):
    assert as_owner.get("/audit/").status_code == 403
    as_owner.force_login(admin)
    assert as_owner.get("/audit/").status_code == 200


def test_a_site_admin_may_change_every_workspace(as_admin, workspace):
    assert as_admin.post(f"{W}settings/api-key/remove/").status_code == 302
    assert Workspace.objects.get().api_key is None
