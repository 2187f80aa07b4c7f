"""Many rows are updated in few statements."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.db.batches import update_many
from usage.models import BalanceReading

pytestmark = pytest.mark.django_db


def make_reading(workspace, number):
    at = timezone.now() - timedelta(hours=number)
    return BalanceReading.objects.create(workspace=workspace, credits=number, first_read_at=at, read_at=at)


def test_each_row_gets_its_own_values_and_those_that_agree_share_a_statement(workspace, django_assert_num_queries):
    rows = [make_reading(workspace, number) for number in range(6)]
    untouched = make_reading(workspace, 9)
    for row, gap in zip(rows, (5, 5, 5, 5, 7, 8), strict=True):
        row.gap_seconds, row.credits = gap, 1
    with django_assert_num_queries(2):
        update_many([row for row in rows if row.gap_seconds == 5], ["gap_seconds"])
        update_many([row for row in rows if row.gap_seconds == 7], ["gap_seconds"])
    update_many(rows, ["gap_seconds", "credits"])
    stored = BalanceReading.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    assert list(stored.values_list("gap_seconds", "credits")) == [(gap, 1) for gap in (5, 5, 5, 5, 7, 8)]
    untouched.refresh_from_db()
    assert untouched.credits == 9


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        update_many([], ["gap_seconds"])
