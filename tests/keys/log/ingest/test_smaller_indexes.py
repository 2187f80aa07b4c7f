"""On PostgreSQL the indexes of the log are replaced while the console runs, by smaller ones that hold the same."""

import importlib
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from keys.models import LoggedRequest

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
BEFORE = {
    "log_of_key": "key_id, created_at DESC, id DESC",
    "log_of_workspace": "workspace_id, created_at DESC, id DESC",
    "log_of_key_by_status": "key_id, status_code, created_at DESC, id DESC",
    "log_of_workspace_by_status": "workspace_id, status_code, created_at DESC, id DESC",
    "log_by_ip": "workspace_id, ip_address, created_at DESC, id DESC",
    "log_of_key_by_path": "key_id, hashtextextended(path, 0), created_at DESC, id DESC",
    "log_of_key_by_agent": "key_id, hashtextextended(user_agent, 0), created_at DESC, id DESC",
}


@pytest.fixture
def migration():
    return importlib.import_module("keys.migrations.0018_smaller_log_indexes")


@pytest.fixture
def older(log, migration):
    """A log of two months with the indexes of the version before; afterwards it has those of this one."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_row_a_request")
        cursor.execute(
            "ALTER TABLE keys_loggedrequest ADD CONSTRAINT one_row_a_request UNIQUE (key_id, upstream_id, created_at)"
        )
        for name, columns in BEFORE.items():
            cursor.execute(f"DROP INDEX {name}")
            cursor.execute(f"CREATE INDEX {name} ON keys_loggedrequest ({columns})")
    log.list(0)
    log.write(20, since=-40 * 86_400)
    log.write(20, since=0)
    log.read(21)
    yield log
    shrink(migration)


def shrink(migration):
    with connection.schema_editor(atomic=False) as editor:
        migration.shrink(None, editor)


def definitions():
    """Return the indexes of the log: valid or not, how often they are there, and what they hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid, indisunique, indrelid::regclass::text,"
            " regexp_replace(pg_get_indexdef(indexrelid), '.* USING', '') FROM pg_index"
            " WHERE indrelid::regclass::text LIKE 'keys_loggedrequest%'"
        )
        return sorted(cursor.fetchall())


def test_all_partitions_get_the_indexes_of_a_new_installation_and_no_row_is_lost(older, migration):
    stored = set(LoggedRequest.objects.values_list("pk", "upstream_id", "created_at"))
    shrink(migration)
    found = definitions()
    partitions = {table for _, _, table, _ in found}
    assert len(partitions) >= 5
    assert len(found) == 9 * len(partitions)
    assert all(is_valid for is_valid, *_ in found)
    assert sum("date_trunc" in definition for *_, definition in found) == 5 * len(partitions)
    assert set(LoggedRequest.objects.values_list("pk", "upstream_id", "created_at")) == stored
    shrink(migration)  # again changes nothing
    assert definitions() == found


def test_an_interrupted_replacement_continues_and_new_months_are_included(older, migration, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migration, "_replace", killed)
        with pytest.raises(KeyboardInterrupt):
            shrink(migration)
    older.write(5, since=-100 * 86_400)  # a month of which there is no partition yet
    assert older.read(22).new_rows == 5
    shrink(migration)
    found = definitions()
    assert len(found) == 9 * len({table for _, _, table, _ in found})
    assert all(is_valid for is_valid, *_ in found)


def test_the_old_index_goes_when_nobody_reads_the_log(older, migration, monkeypatch):
    with connection.cursor() as cursor:
        migration._build(cursor, "log_by_ip", "")
        with psycopg.connect(**connection.get_connection_params()) as reader:
            reader.execute("SELECT count(*) FROM keys_loggedrequest")
            waits = []
            pause = SimpleNamespace(sleep=lambda _: (waits.append(1), reader.rollback()))
            monkeypatch.setattr(migration, "time", pause)
            monkeypatch.setattr(migration, "LOCK_MILLISECONDS", 20)
            migration._replace(cursor, "log_by_ip")
            assert waits == [1]
        assert migration._is_small(cursor, "log_by_ip")


def test_the_database_refuses_a_row_twice(log):
    log.list(0)
    log.write(1, since=0)
    log.read(1)
    row = LoggedRequest.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        LoggedRequest.objects.bulk_create([row])
    row.created_at += timedelta(microseconds=1)
    LoggedRequest.objects.bulk_create([row])
    assert LoggedRequest.objects.count() == 2


@pytest.mark.parametrize("seconds", [-3 * 365 * 86_400, 500])
def test_a_page_is_known_again_however_one_of_its_rows_is_dated(log, seconds):
    log.list(0)
    log.write(60, since=0)
    log.write(1, since=seconds)
    assert log.read(61).new_rows == 61
    assert log.read(62).new_rows == 0
    assert LoggedRequest.objects.count() == 61
