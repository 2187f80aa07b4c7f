"""That rows of one value are found in order of time by an index that, on PostgreSQL, only ends with the hour."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.query_plan import plan_query
from keys.models import LoggedRequest
from tests.keys.conftest import make_key

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
QUERIES = ["status=401", "ip=203.0.113.7", "path==/api/x", "agent=curl"]


@pytest.fixture
def spread(log, monkeypatch):
    """Two keys with 180 requests each over 30 hours and the end of a month; every third has the value asked for."""
    monkeypatch.setattr("keys.log.search.query_plan.MOST_RARE", 0)
    for place, key in enumerate([log.key, make_key(log.workspace, "Other")]):
        LoggedRequest.objects.bulk_create(
            LoggedRequest(
                key=key,
                upstream_id=f"r{n}",
                method="GET",
                path="/api/y" if n % 3 else "/api/x",
                status_code=200 if n % 3 else 401,
                ip_address="203.0.113.8" if n % 3 else "203.0.113.7",
                user_agent="wget/1" if n % 3 else "curl/8",
                created_at=NOON + timedelta(minutes=10 * n, seconds=place),
            )
            for n in sorted(range(180), key=lambda n: n * 7 % 180)  # in no order of time
        )
    return log


def newest_first(log, *, of_key, **more):
    rows = LoggedRequest.objects.filter(status_code=401, **({"key": log.key} if of_key else {}), **more)
    return [row.pk for row in sorted(rows, key=lambda row: (row.created_at, row.pk), reverse=True)]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("of_key", [True, False])
def test_pages_down_and_up_show_each_row_once_in_order_of_time(spread, query, of_key):
    url, found, place = spread.key_url if of_key else spread.all_url, [], ""
    while place is not None:
        page = spread.get(f"?{query}{place and f'&older={place}'}", url=url).context["page"]
        found += [row.pk for row in page.rows]
        first, place = page.rows[0], page.older or page.further
    assert found == newest_first(spread, of_key=of_key)
    end = found.index(first.pk)
    assert spread.shown(f"?{query}&newer={first.cursor}", url=url) == found[max(0, end - 50) : end]


@pytest.mark.parametrize("query", QUERIES)
def test_a_range_of_time_may_begin_and_end_within_an_hour(spread, query):
    start, end = NOON + timedelta(hours=3, minutes=25), NOON + timedelta(hours=5, minutes=31)
    asked = f"?{query}&start={start:%Y-%m-%dT%H:%M:%SZ}&end={end:%Y-%m-%dT%H:%M:%SZ}"
    expected = newest_first(spread, of_key=True, created_at__gte=start, created_at__lt=end)
    assert spread.shown(asked, url=spread.key_url) == expected
    assert len(expected) == 5


@pytest.mark.parametrize("query", QUERIES)
def test_another_filter_still_narrows_what_has_the_value(spread, query):
    row = spread.add(
        path="/api/x", status_code=401, ip_address="203.0.113.7", user_agent="curl/8", method="PUT", created_at=NOON
    )
    assert spread.shown(f"?{query}&method=PUT,DELETE", url=spread.key_url) == [row.pk]


@pytest.mark.postgresql
def test_a_value_with_many_rows_an_hour_is_found_in_order_of_time(spread, monkeypatch):
    form = LogFilterForm(QueryDict("status=401"), None)
    assert form.is_valid()
    scope = LogScope(spread.workspace, spread.key)
    assert plan_query(form, scope, timezone.now()).is_of_value
    monkeypatch.setattr("keys.log.search.query_plan.MOST_AN_HOUR", 1)
    plan = plan_query(form, scope, timezone.now(), wanted=1)
    assert not plan.is_of_value
    assert [row.pk for row in plan.rows.newest_first()] == newest_first(spread, of_key=True)
    assert plan_query(form, scope, timezone.now(), wanted=10).is_of_value  # many rows are worth the sorting
