"""However a password is set, one that lists of breached passwords know, or that is close to its owner, is refused."""

import pytest

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import link_in_mail
from workspaces.models import Invitation, Role, User

pytestmark = pytest.mark.django_db
WEAK = [("1q2w3e4r5t6y", "too common"), ("QWERTY123456", "too common"), ("batch-worker-1", "too similar")]


@pytest.fixture
def person(viewer):
    viewer.name = "Batch Worker"
    viewer.save()
    return viewer


def by_changing(client, person, new):
    client.force_login(person)
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    return client.post("/accounts/password/change/", fields)


def by_setting_the_first(client, person, new):
    User.objects.filter(pk=person.pk).update(password="!")
    client.force_login(User.objects.get(pk=person.pk))
    return client.post("/accounts/password/set/", {"password1": new, "password2": new})


def by_a_reset(client, person, new):
    client.post("/accounts/password/reset/", {"email": person.email})
    form = client.get(link_in_mail("/accounts/password/reset/key/"))["Location"]
    return client.post(form, {"password1": new, "password2": new})


def by_an_invitation(client, person, new):
    workspace = person.memberships.get().workspace
    person.memberships.update(role=Role.OWNER)
    invitation = Invitation(workspace=workspace, email="newcomer@example.test", role=Role.VIEWER, invited_by=person)
    token = invitation.renew_token()
    invitation.save()
    fields = {"name": person.name, "way": "password", "password": new, "password_again": new}
    return client.post(f"/invitations/{token}/", fields)


@pytest.mark.parametrize(("weak", "reason"), WEAK)
@pytest.mark.parametrize("way", [by_changing, by_setting_the_first, by_a_reset, by_an_invitation])
def test_a_weak_password_is_refused_with_the_reason(client, person, way, weak, reason):
    before = set(User.objects.values_list("pk", "password"))
    page = way(client, person, weak)
    assert reason in page.content.decode()
    after = set(User.objects.values_list("pk", "password"))
    assert not any(User(password=stored).check_password(weak) for _, stored in after - before)
    assert len(after) == len(before)
