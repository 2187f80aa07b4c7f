"""That each common question is answered from an index that holds its order: no walk through the table, and no sorting.

On PostgreSQL, indexes of values end with the hour, so there the rows of an hour are sorted.
"""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.query_plan import plan_query
from keys.models import LoggedRequest
from tests.keys.conftest import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(log, monkeypatch):
    monkeypatch.setattr("keys.log.search.query_plan.MOST_RARE", 0)
    now = timezone.now()
    for key in [log.key, *(make_key(log.workspace, f"Key {n}") for n in range(9))]:
        LoggedRequest.objects.bulk_create(
            LoggedRequest(
                key=key,
                upstream_id=f"r{n}",
                method="GET",
                path=f"/api/{n % 50}",
                user_agent=f"program/{n % 50}",
                status_code=429 if n % 100 == 0 else 200,
                ip_address=f"203.0.113.{n % 50}",
                created_at=now - timedelta(minutes=n),
            )
            for n in range(300)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE keys_loggedrequest")
        if connection.vendor == "postgresql":
            # So few rows are as well sorted; whether an index spares that is the question.
            cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off")

    def plan(scope, query, place=None):
        form = LogFilterForm(QueryDict(query), None if scope.key else [])
        assert form.is_valid()
        rows = plan_query(form, scope, now).rows
        return with_names_of_whole(((rows.after(place) if place else rows).newest_first()[:51]).explain())

    return plan


def with_names_of_whole(plan):
    """Call the index of a month's partition by the name that it has in the whole log."""
    if connection.vendor != "postgresql":
        return plan
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits")
        names = dict(cursor.fetchall())
    return re.sub(r"(?<=using )\w+", lambda found: names.get(found[0], found[0]), plan)


@pytest.mark.parametrize(
    ("query", "of_key", "of_all"),
    [
        ("", "log_of_key", "log_of_workspace"),
        ("since=1h", "log_of_key", "log_of_workspace"),
        ("path=/api", "log_of_key", "log_of_workspace"),
        ("status=429", "log_of_key_by_status", "log_of_workspace_by_status"),
        ("ip=203.0.113.7", None, "log_by_ip"),
        pytest.param("path==/api/7", "log_of_key_by_path", None, marks=pytest.mark.postgresql),
        pytest.param("agent=program/7", "log_of_key_by_agent", None, marks=pytest.mark.postgresql),
    ],
)
def test_the_main_filters_read_an_index_in_its_order(log, plan, query, of_key, of_all):
    deep = LoggedRequest.objects.filter(key=log.key).newest_first()[50].cursor  # within the hour of "since=1h"
    for scope, index in ((LogScope(log.workspace, log.key), of_key), (LogScope(log.workspace), of_all)):
        for place in (None, deep) if index else ():
            found = plan(scope, query, place)
            assert f"{index} " in found
            assert not re.search("(?<!Incremental )Sort  ", found)
            assert "TEMP B-TREE" not in found
            assert "Seq Scan" not in found
