from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.db.rollups import RollupCount, RollupTable, day_of, hour_of
from core.db.sql import execute_batch
from keys.log.ingest.rollups import OF_KEY, OF_WORKSPACE
from tests.keys.conftest import make_key
from webhooks.ingest.endpoint_rollups import BY_DAY, BY_HOUR
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
HOUR = datetime(2026, 3, 29, 1, tzinfo=UTC)
KEYS = {
    OF_KEY: [(HOUR, "/a", 2), (HOUR, "/b", 2)],
    OF_WORKSPACE: [(HOUR, "/a", 2), (HOUR, "/b", 2)],
    BY_HOUR: [("a.example", HOUR, ""), ("b.example", HOUR, "")],
    BY_DAY: [("a.example", HOUR, ""), ("b.example", HOUR, "")],
}


@pytest.fixture
def workspace():
    return Workspace.objects.create(name="Analytical", slug="analytical")


@pytest.fixture(params=KEYS, ids=lambda table: table.model.__name__)
def table(request):
    return request.param


@pytest.fixture
def owner(table: RollupTable, workspace):
    return make_key(workspace).pk if table is OF_KEY else workspace.pk


def stored(table, owner):
    names = (*table.key, "count", "histogram")
    rows = table.model.objects.filter(**{f"{table.owner}_id": owner}).values_list(*names)
    return {row[:3]: RollupCount(*row[3:]) for row in rows}


def test_counts_and_histograms_are_added_to_what_is_there(table, owner):
    first, second = KEYS[table]
    execute_batch(table.add(owner, {first: RollupCount(3, {"0": 1, "-1": 1})}))
    execute_batch(table.add(owner, {first: RollupCount(2, {"0": 1, "17": 1}), second: RollupCount(1)}))
    assert stored(table, owner) == {
        first: RollupCount(5, {"-1": 1, "0": 2, "17": 1}),
        second: RollupCount(1, {}),
    }
    execute_batch(table.add(owner, {second: RollupCount(1)}))
    assert stored(table, owner)[second] == RollupCount(2, {})


def test_what_is_replaced_is_not_added_and_the_rest_stays(table, owner):
    first, second = KEYS[table]
    execute_batch(table.add(owner, {first: RollupCount(3, {"0": 1}), second: RollupCount(1)}))
    table.replace(owner, {first: RollupCount(2, {"5": 2})})
    assert stored(table, owner) == {first: RollupCount(2, {"5": 2}), second: RollupCount(1, {})}


def test_hours_and_days_begin_in_utc():
    at = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=2, minutes=30)))
    assert hour_of(at) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert day_of(at) == datetime(2026, 3, 28, tzinfo=UTC)
