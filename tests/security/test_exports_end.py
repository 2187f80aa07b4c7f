"""A file that is being sent ends with the right to it, whichever file it is."""

import pytest
from django.urls import reverse
from django.utils import timezone

from keys.models import LoggedRequest
from tests.security.world import make_key
from webhooks.models import Redelivery
from workspaces import downloads
from workspaces.models import Membership, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return User.objects.create_superuser("admin@example.test")


EXPORTS = {
    "keys:log_export": {"format": "csv"},
    "webhooks:export": {"format": "csv"},
    "webhooks:redelivery_report": {},
    "workspaces:audit_export": {"format": "csv"},
    "usage:export": None,
}


def asked(client, workspace, name):
    more = [Redelivery.objects.create(workspace=workspace).job_id] if name == "webhooks:redelivery_report" else []
    url, form = reverse(name, args=[workspace.slug, *more]), EXPORTS[name]
    answer = client.get(url) if form is None else client.post(url, form)
    assert answer.status_code == 200
    return answer


def rest_of(answer):
    return b"".join(answer.streaming_content).decode()


LOSSES = {
    "removed": lambda user, _: Membership.objects.filter(user=user).delete(),
    "deactivated": lambda user, _: User.objects.filter(pk=user.pk).update(is_active=False),
    "signed out from afar": lambda _, client: client.session.delete(client.session.session_key),
    "left without the workspace": lambda user, _: user.workspaces.all().delete(),
}


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_more_is_sent_and_the_file_says_that_it_is_not_whole(client, workspace, owner, name, loss):
    client.force_login(owner)
    answer = asked(client, workspace, name)
    LOSSES[loss](owner, client)
    assert rest_of(answer) == downloads.NOT_COMPLETE


def test_the_trail_ends_for_who_is_an_owner_no_more_and_the_log_goes_on(client, workspace, owner):
    client.force_login(owner)
    trail, log = asked(client, workspace, "workspaces:audit_export"), asked(client, workspace, "keys:log_export")
    Membership.objects.update(role=Role.VIEWER)
    assert rest_of(trail) == downloads.NOT_COMPLETE
    assert downloads.NOT_COMPLETE not in rest_of(log)


def test_the_whole_trail_ends_for_who_is_a_site_admin_no_more(client, admin):
    client.force_login(admin)
    answer = client.post(reverse("workspaces:site_audit_export"), {"format": "csv"})
    User.objects.update(is_superuser=False)
    assert rest_of(answer) == downloads.NOT_COMPLETE


def test_a_long_file_stops_in_the_middle(client, workspace, owner):
    key, now = make_key(workspace), timezone.now()
    rows = [LoggedRequest(key=key, upstream_id=f"request-{number}", created_at=now, path="/") for number in range(1200)]
    LoggedRequest.objects.bulk_create(rows)
    client.force_login(owner)
    lines = iter(asked(client, workspace, "keys:log_export").streaming_content)
    before = [next(lines) for _ in range(10)]
    Membership.objects.all().delete()
    after = [line.decode() for line in lines]
    assert len(before) + len(after) == downloads.LINES_A_CHECK + 1
    assert after[-1] == downloads.NOT_COMPLETE


def test_who_keeps_the_right_gets_it_whole(client, workspace, viewer):
    client.force_login(viewer)
    assert rest_of(asked(client, workspace, "usage:export")).startswith('\ufeff"first_read_at (UTC)"')
