import datetime as dt
import hashlib
import itertools
import time
from collections import Counter

import pytest
from sqlalchemy import func, select

from sandbox import demo
from sandbox.credits import ledger
from sandbox.db.store import Store
from sandbox.db.tables import ApiKey, DeliveryAttempt, LedgerEntry, RequestLog, Workflow
from sandbox.demo import past_traffic
from sandbox.demo.demo_keys import DEMO_KEYS
from sandbox.demo.installer import reset_keys
from sandbox.demo.past_traffic import PastSettings
from sandbox.seed import INITIAL_CREDITS, ORGANIZATION_ID, USER_ID, ensure_default_organization

NOW = dt.datetime(2026, 11, 23, 14, 37, 11, tzinfo=dt.UTC)
ANCHOR = NOW.replace(minute=0, second=0)


@pytest.fixture(scope="module")
def store_with_past(tmp_path_factory):
    """A store with an installed past, for reading only."""
    store = Store(tmp_path_factory.mktemp("past") / "sandbox.sqlite3")
    started = time.perf_counter()
    assert demo.install(store, 1, NOW)
    print(f"installing the past took {time.perf_counter() - started:.2f} s")  # noqa: T201
    yield store
    store.close()


@pytest.fixture
def session(store_with_past):
    with store_with_past.reading() as session:
        yield session


def fingerprint(seed, now=NOW):
    settings = PastSettings(seed, ANCHOR, now, "org_x", "ll_x", INITIAL_CREDITS)
    past = past_traffic.generate_past(settings)
    rows = [past.request_logs, past.ledger_entries, past.delivery_attempts]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_the_same_seed_gives_the_same_past():
    assert fingerprint(1) == fingerprint(1)
    assert fingerprint(1) != fingerprint(2)


@pytest.mark.parametrize("hour", ["2026-11-27 16", "2026-11-27 23"])
def test_a_new_console_finds_a_failed_webhook_among_the_latest_deliveries(hour):
    """By chance alone, neither hour has one among the latest hundred attempts, which are a page of the log."""
    anchor = dt.datetime.fromisoformat(f"{hour}:00+00:00")
    settings = PastSettings(1, anchor, anchor + dt.timedelta(minutes=57), "org_x", "ll_x", INITIAL_CREDITS)
    rows = past_traffic.generate_past(settings).delivery_attempts
    latest = sorted(rows, key=lambda row: row["attempted_at"])[-60:]
    assert any(row["attempt_number"] == 5 and row["status"] == "failed" for row in latest)


def test_installing_again_changes_nothing(store_with_past):
    with store_with_past.reading() as session:
        before = session.scalar(select(func.count(RequestLog.id)))
    assert not demo.install(store_with_past, 2, NOW + dt.timedelta(days=3))
    with store_with_past.reading() as session:
        assert session.scalar(select(func.count(RequestLog.id))) == before


def test_there_are_five_weeks_of_calls_and_none_in_the_future(session):
    first, last, count = session.execute(
        select(func.min(RequestLog.created_at), func.max(RequestLog.created_at), func.count(RequestLog.id))
    ).one()
    assert 34 <= (NOW - first).days <= 35
    assert dt.timedelta(0) < NOW - last < dt.timedelta(minutes=15)
    assert 20_000 < count < 45_000


def test_the_keys_counters_agree_with_their_logs(session):
    logged = {
        key_id: (count, last)
        for key_id, count, last in session.execute(
            select(RequestLog.key_id, func.count(), func.max(RequestLog.created_at)).group_by(RequestLog.key_id)
        )
    }
    for key in session.scalars(select(ApiKey)):
        assert (key.request_count, key.last_used_at) == logged.get(key.id, (0, None))


def test_the_ledger_adds_up_to_the_balance_and_never_goes_below_zero(session):
    entries = session.scalars(select(LedgerEntry).order_by(LedgerEntry.at, LedgerEntry.sequence)).all()
    running = list(itertools.accumulate(entry.amount for entry in entries))
    assert running == [entry.balance_after for entry in entries]
    assert min(running) >= 0
    assert ledger.balance(session, ORGANIZATION_ID) == running[-1]


def test_the_ledgers_settlements_add_up_to_those_of_the_workflows(session):
    found = session.scalar(select(func.sum(Workflow.settled)))
    settled = session.scalar(select(func.sum(LedgerEntry.amount)).where(LedgerEntry.kind == "settle"))
    assert found == -settled
    assert session.scalar(select(func.count()).where(LedgerEntry.kind == "grant")) >= 3


def test_the_log_has_every_kind_of_status(session):
    statuses = Counter(session.scalars(select(RequestLog.status_code)))
    assert statuses[200] > 0.9 * statuses.total()
    assert {402, 422, 429, 500} <= set(statuses)


def test_office_hours_are_busier_than_nights_and_weekends(session):
    times = session.scalars(select(RequestLog.created_at).where(RequestLog.path.endswith("enrich/bulk"))).all()
    office = sum(at.weekday() < 5 and 9 <= at.hour < 17 for at in times) / (5 * 8)
    weekend = sum(at.weekday() >= 5 and 9 <= at.hour < 17 for at in times) / (2 * 8)
    evening = sum(at.weekday() < 5 and at.hour >= 20 for at in times) / (5 * 4)
    assert office > 2 * weekend
    assert office > 2 * evening


def test_a_key_is_used_neither_before_its_creation_nor_after_its_end(session):
    for key in session.scalars(select(ApiKey)):
        times = session.scalars(select(RequestLog.created_at).filter_by(key_id=key.id)).all()
        end = min(at for at in (key.expires_at, key.revoked_at, NOW) if at is not None)
        slack = dt.timedelta(minutes=3)  # the last session may end a little after its start
        assert all(key.created_at <= at < end + slack for at in times)


def test_the_administering_user_has_keys_of_every_kind_and_room_for_more(session):
    keys = session.scalars(select(ApiKey).filter_by(user_id=USER_ID)).all()
    assert sum(key.is_active(NOW) for key in keys) == 7
    assert any(key.revoked_at for key in keys)
    assert any(key.last_used_at is None for key in keys)
    assert any(key.expires_at and key.expires_at < NOW for key in keys)
    assert any(key.expires_at and 2 <= (key.expires_at - NOW).days <= 3 for key in keys)
    assert any(key.is_active(NOW) and key.last_used_at and (NOW - key.last_used_at).days > 20 for key in keys)


def test_webhooks_arrived_late_or_not_at_all_for_several_reasons(session):
    attempts = session.scalars(select(DeliveryAttempt)).all()
    reasons = {attempt.error_message.split(":")[0] for attempt in attempts if attempt.error_message}
    assert {"Connection timed out", "DNS error", "HTTP 404 Not Found"} <= reasons
    assert any(attempt.attempt_number > 1 and attempt.status == "success" for attempt in attempts)
    assert all(1 <= attempt.attempt_number <= 5 for attempt in attempts)


def test_a_server_that_ran_without_traffic_keeps_its_ledger(tmp_path):
    store = Store(tmp_path / "sandbox.sqlite3")
    with store.session() as session:
        ensure_default_organization(session)
        ledger.grant(session, ORGANIZATION_ID, 12_345)
    assert demo.install(store, 1, NOW)
    with store.reading() as session:
        total = ledger.sum_of_entries(session, ORGANIZATION_ID)
        assert ledger.balance(session, ORGANIZATION_ID) == total
        assert session.scalar(select(func.count()).where(LedgerEntry.amount == 12_345)) == 1
    store.close()


def test_a_reset_restores_demo_keys_and_revokes_those_made_since_but_the_issued(session):
    production, retired = (next(one for one in DEMO_KEYS if bool(one.revoked) == gone) for gone in (False, True))
    key = session.get(ApiKey, production.key_id(1))
    key.revoked_at, key.name = NOW, "Renamed"
    same = {
        "user_id": key.user_id,
        "organization_id": key.organization_id,
        "key_prefix": "clapi_aaaa",
        "created_at": NOW,
    }
    for name in ("own", "issued"):
        session.add(ApiKey(id=name, name=name, key_hash=name, key_last4="bbbb", **same))
    session.flush()
    session.get(ApiKey, "issued").revoked_at = NOW

    reset_keys(session, 1, NOW, {"issued"})

    assert (key.revoked_at, key.name) == (None, production.name)
    assert session.get(ApiKey, retired.key_id(1)).revoked_at is not None
    assert session.get(ApiKey, "own").revoked_at == NOW
    assert session.get(ApiKey, "issued").revoked_at is None
    session.rollback()
