"""On PostgreSQL the indexes of a month that is over are rebuilt once, when they have grown too large."""

from datetime import timedelta

import pytest
from django.db import connection

from keys.log.ingest import compaction
from keys.log.models import partitions
from keys.models import LoggedRequest
from tests.keys.log.ingest.conftest import START

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
LONG_AGO = -70 * 86_400


@pytest.fixture
def month(log, workspace):
    """The partition of a past month whose rows did not arrive in order of time."""
    log.list(0)
    for part in range(10, 0, -1):  # the later ones first, so that the others always go in front
        log.write(100, since=LONG_AGO + part * 100)
        log.read(1)
    name = partitions.name_of(START + timedelta(seconds=LONG_AGO))
    partitions.ensure([START - timedelta(days=100)])  # one without rows, of which nothing is to be rebuilt
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {name}; COMMENT ON TABLE {name} IS NULL")
    return name


def size_of(name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_indexes_size(%s)", [name])
        return cursor.fetchone()[0]


def test_a_month_that_is_over_is_rebuilt_once(month, monkeypatch):
    monkeypatch.setattr(compaction, "_WIDEST", 1)  # so few rows always take pages that are not full
    rows, before = set(LoggedRequest.objects.values_list("pk", flat=True)), size_of(month)
    assert compaction.compact(START) >= 1  # other tests leave months behind
    assert size_of(month) < before
    assert set(LoggedRequest.objects.values_list("pk", flat=True)) == rows
    assert compaction.compact(START) == 0


def test_a_month_stays_as_it_is_while_it_lasts_or_is_compact_or_busy(month, monkeypatch):
    end = dict(partitions.ended(START))[month]
    monkeypatch.setattr(compaction, "_WIDEST", 10_000)
    assert compaction.compact(START) == 0
    monkeypatch.setattr(compaction, "_WIDEST", 1)
    assert compaction.compact(end + timedelta(days=1)) == 0
    monkeypatch.setattr(compaction, "_IS_BUSY", "SELECT %s <> ''")
    assert compaction.compact(START) == 0


def test_what_an_interrupted_rebuilding_left_is_removed(month, monkeypatch):
    monkeypatch.setattr(compaction, "_WIDEST", 1)
    left = f"{month}_x_ccnew"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {left} ON ONLY {month} (id)")
        monkeypatch.setattr(compaction, "_LEFT_OVER", compaction._LEFT_OVER.replace("AND NOT indisvalid", ""))
        assert compaction.compact(START) >= 1  # other tests leave months behind
        cursor.execute("SELECT to_regclass(%s)", [left])
        assert cursor.fetchone() == (None,)
