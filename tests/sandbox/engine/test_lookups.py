"""What every call looks up is remembered, and never a moment longer than it is true; calls are logged in batches."""

from decimal import Decimal

import pytest
from sqlalchemy import event, select

from sandbox import request_log
from sandbox.credits import ledger
from sandbox.db import store as store_module
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, RequestLog, User
from sandbox.request_log import LoggedRequest, RequestLogWriter

from .conftest import ORGANIZATION, USER

QUERY = ledger.BALANCE, {"id": ORGANIZATION}


@pytest.fixture
def statements(store):
    """The SQL that look-ups send."""
    sent = []
    store.look_up(*QUERY)
    event.listen(store._own, "before_cursor_execute", lambda *call: sent.append(call[2]))
    return sent


def test_the_same_is_asked_for_once(store, statements):
    assert [store.look_up_one(*QUERY).credits for _ in range(3)] == [0, 0, 0]
    assert statements == []
    store.look_up(ledger.BALANCE, {"id": "org_other"})
    assert len(statements) == 1


def test_a_change_is_seen_at_once_whoever_makes_it(store, statements):
    other_process = Store(store.path)
    for writer, expected in ((store, 5), (other_process, 10)):
        with writer.session() as session:
            ledger.grant(session, ORGANIZATION, Decimal(5))
        assert store.look_up_one(*QUERY).credits == expected
    other_process.close()
    assert len(statements) == 2


def test_what_is_not_there_yet_is_found_later(store):
    query = select(User.id).where(User.id == "user_new")
    assert store.look_up(query, {}) is None
    with pytest.raises(LookupError):
        store.look_up_one(query, {})
    with store.session() as session:
        session.add(User(id="user_new", organization_id=ORGANIZATION, email="", name="", scopes=[]))
    assert store.look_up(query, {}) == ("user_new",)


def test_made_up_keys_take_no_memory(store, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_REMEMBERED", 10)
    for number in range(100):
        store.look_up(ledger.BALANCE, {"id": f"org_{number}"})
    assert len(store._lookups.rows(store._own)) <= 10


def test_calls_are_logged_in_batches_and_at_once_for_who_asks(store, monkeypatch):
    monkeypatch.setattr(request_log, "GATHER_SECONDS", 60)
    with store.session() as session:
        session.add(
            ApiKey(
                id="key", user_id=USER, organization_id=ORGANIZATION, name="", key_hash="", key_prefix="", key_last4=""
            )
        )
    batches, write = [], request_log.write_rows
    monkeypatch.setattr(request_log, "write_rows", lambda *given: (batches.append(len(given[1])), write(*given)))
    writer = RequestLogWriter(store)
    writer.start()
    for expected in ([3], [3, 3]):
        for _ in range(3):
            writer.record(LoggedRequest("key", ORGANIZATION, "GET", "/", 200, 1, None, None))
        writer.flush()
        assert batches == expected
    writer.record(LoggedRequest("key", ORGANIZATION, "GET", "/", 200, 1, None, None))
    writer.stop()
    with store.reading() as session:
        assert len(session.scalars(select(RequestLog.id)).all()) == 7
