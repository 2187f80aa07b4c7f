"""What an older version had understood of readings is taken over into the table of changes."""

from datetime import timedelta

import pytest
from django.db import connection

from tests.old_schema import old_schema
from usage.models import BalanceChange, BalanceReading

pytestmark = pytest.mark.django_db(transaction=True)
EARLIER = [(60, 500, 0, 0), (59, 480, 0, 0), (58, 10_480, 10_000, 0), (20, 10_480, 0, 2280), (19, 10_500, 0, 0)]


def write_earlier(workspace, now):
    with connection.cursor() as cursor:
        for age, credits_, topped_up, gap in EARLIER:
            at = now - timedelta(minutes=age)
            cursor.execute(
                "INSERT INTO usage_balancereading"
                " (workspace_id, credits, first_read_at, read_at, topped_up, gap_seconds)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [workspace.pk, credits_, at, at, topped_up, gap],
            )


def test_readings_of_an_older_version_become_changes_with_their_top_ups(workspace, now):
    with old_schema("usage", "0003"):
        write_earlier(workspace, now)
    rows = BalanceChange.objects.order_by("until")
    assert [(row.delta, row.topped_up, row.returned, row.is_gap) for row in rows] == [
        (-20, 0, 0, False),
        (10_000, 10_000, 0, False),
        (0, 0, 0, True),
        (20, 0, 20, False),
    ]
    assert all(row.reading.credits == row.after and row.since < row.until for row in rows)
    assert BalanceChange.objects.unread().count() == 4
    assert BalanceReading.objects.count() == len(EARLIER)
