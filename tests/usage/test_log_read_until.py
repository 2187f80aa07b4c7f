"""Until when the log of all keys is known: an idle key, whose log is seldom read, holds nothing up."""

from datetime import timedelta

import pytest

from tests.keys.conftest import make_key
from usage.changes.evidence import log_read_until
from workspaces.models import Poll

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(workspace, now):
    """Make a key whose log was read so many minutes ago, and which was listed a minute ago."""

    def key(read, used=None):
        facts = {"read_at": now - timedelta(minutes=1), "last_used_at": used and now - timedelta(minutes=used)}
        made = make_key(workspace, **facts)
        at = now - timedelta(minutes=read)
        Poll.objects.create(
            workspace=workspace, resource="requests", subject=made.upstream_id, interval_seconds=60, last_success_at=at
        )
        return made

    return key


@pytest.mark.parametrize(
    ("keys", "minutes"),
    [
        ([(2, 3)], 1),  # not used since its log was read
        ([(2, 3), (300, None)], 1),
        ([(2, 3), (300, 301)], 1),
        ([(2, 3), (300, 299)], 300),  # used since
        ([(2, 1.5), (3, 2)], 3),
    ],
)
def test_a_key_that_was_not_used_since_its_log_was_read_is_known_as_of_the_list(workspace, now, key, keys, minutes):
    for each in keys:
        key(*each)
    assert log_read_until(workspace) == now - timedelta(minutes=minutes)


def test_nothing_is_known_where_no_log_is_read(workspace):
    assert log_read_until(workspace) is None
