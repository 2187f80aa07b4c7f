import datetime as dt
import hashlib
import itertools
import time
from collections import Counter

import pytest
from sqlalchemy import func, select

from sandbox import founding, ledger, traffic
from sandbox.store import Store
from sandbox.tables import (
    ApiKey,
    DeliveryAttempt,
    LedgerEntry,
    RequestLog,
    Workflow,
)
from sandbox.traffic import past
from sandbox.traffic.past import Place

NOW = dt.datetime(2026, 11, 23, 14, 37, 11, tzinfo=dt.UTC)
ANCHOR = NOW.replace(minute=0, second=0)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A store with an installed past, for reading only."""
    store = Store(tmp_path_factory.mktemp("past") / "sandbox.sqlite3")
    started = time.perf_counter()
    assert traffic.install(store, 1, NOW)
    print(f"installing the past took {time.perf_counter() - started:.2f} s")  # noqa: T201
    yield store
    store.close()


@pytest.fixture
def reading(lived):
    with lived.reading() as session:
        yield session


def fingerprint(seed, now=NOW):
    place = Place(seed, ANCHOR, now, "org_x", "ll_x", founding.FIRST_CREDITS)
    made = past.make(place)
    rows = [made.request_logs, made.ledger_entries, made.delivery_attempts]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_the_same_seed_gives_the_same_past():
    assert fingerprint(1) == fingerprint(1)
    assert fingerprint(1) != fingerprint(2)


@pytest.mark.parametrize("hour", ["2026-11-27 16", "2026-11-27 23"])
def test_a_new_console_finds_results_that_were_lost_among_the_latest_deliveries(hour):
    """Left to chance, both have none among the latest hundred attempts, which are a page of the log."""
    anchor = dt.datetime.fromisoformat(f"{hour}:00+00:00")
    place = Place(1, anchor, anchor + dt.timedelta(minutes=57), "org_x", "ll_x", founding.FIRST_CREDITS)
    rows = past.make(place).delivery_attempts
    latest = sorted(rows, key=lambda row: row["attempted_at"])[-60:]
    assert any(row["attempt_number"] == 5 and row["status"] == "failed" for row in latest)


def test_installing_again_changes_nothing(lived):
    with lived.reading() as session:
        before = session.scalar(select(func.count(RequestLog.id)))
    assert not traffic.install(lived, 2, NOW + dt.timedelta(days=3))
    with lived.reading() as session:
        assert session.scalar(select(func.count(RequestLog.id))) == before


def test_there_are_five_weeks_of_calls_and_none_in_the_future(reading):
    first, last, count = reading.execute(
        select(func.min(RequestLog.created_at), func.max(RequestLog.created_at), func.count(RequestLog.id))
    ).one()
    assert 34 <= (NOW - first).days <= 35
    assert dt.timedelta(0) < NOW - last < dt.timedelta(minutes=15)
    assert 20_000 < count < 45_000


def test_the_keys_counters_agree_with_their_logs(reading):
    logged = {
        key_id: (count, last)
        for key_id, count, last in reading.execute(
            select(RequestLog.key_id, func.count(), func.max(RequestLog.created_at)).group_by(RequestLog.key_id)
        )
    }
    for key in reading.scalars(select(ApiKey)):
        assert (key.request_count, key.last_used_at) == logged.get(key.id, (0, None))


def test_the_ledger_adds_up_to_the_balance_and_never_goes_below_zero(reading):
    entries = reading.scalars(select(LedgerEntry).order_by(LedgerEntry.at, LedgerEntry.sequence)).all()
    running = list(itertools.accumulate(entry.amount for entry in entries))
    assert running == [entry.balance_after for entry in entries]
    assert min(running) >= 0
    assert ledger.balance(reading, founding.ORGANIZATION_ID) == running[-1]


def test_what_was_settled_is_what_was_found(reading):
    found = reading.scalar(select(func.sum(Workflow.settled)))
    settled = reading.scalar(select(func.sum(LedgerEntry.amount)).where(LedgerEntry.kind == "settle"))
    assert found == -settled
    assert reading.scalar(select(func.count()).where(LedgerEntry.kind == "grant")) >= 3


def test_the_log_holds_every_kind_of_answer(reading):
    statuses = Counter(reading.scalars(select(RequestLog.status_code)))
    assert statuses[200] > 0.9 * statuses.total()
    assert {402, 422, 429, 500} <= set(statuses)


def test_office_hours_are_busier_than_nights_and_weekends(reading):
    times = reading.scalars(select(RequestLog.created_at).where(RequestLog.path.endswith("enrich/bulk"))).all()
    office = sum(moment.weekday() < 5 and 9 <= moment.hour < 17 for moment in times) / (5 * 8)
    weekend = sum(moment.weekday() >= 5 and 9 <= moment.hour < 17 for moment in times) / (2 * 8)
    evening = sum(moment.weekday() < 5 and moment.hour >= 20 for moment in times) / (5 * 4)
    assert office > 2 * weekend
    assert office > 2 * evening


def test_a_key_is_not_used_before_it_exists_nor_after_its_end(reading):
    for key in reading.scalars(select(ApiKey)):
        times = reading.scalars(select(RequestLog.created_at).filter_by(key_id=key.id)).all()
        end = min(moment for moment in (key.expires_at, key.revoked_at, NOW) if moment is not None)
        slack = dt.timedelta(minutes=3)  # the last session may end a little after its start
        assert all(key.created_at <= moment < end + slack for moment in times)


def test_the_administering_user_has_keys_of_every_kind_and_room_for_more(reading):
    keys = reading.scalars(select(ApiKey).filter_by(user_id=founding.USER_ID)).all()
    assert sum(key.is_active(NOW) for key in keys) == 7
    assert any(key.revoked_at for key in keys)
    assert any(key.last_used_at is None for key in keys)
    assert any(key.expires_at and key.expires_at < NOW for key in keys)
    assert any(key.expires_at and 2 <= (key.expires_at - NOW).days <= 3 for key in keys)
    assert any(key.is_active(NOW) and key.last_used_at and (NOW - key.last_used_at).days > 20 for key in keys)


def test_webhooks_arrived_late_or_not_at_all_for_several_reasons(reading):
    attempts = reading.scalars(select(DeliveryAttempt)).all()
    reasons = {attempt.error_message.split(":")[0] for attempt in attempts if attempt.error_message}
    assert {"Connection timed out", "DNS error", "HTTP 404 Not Found"} <= reasons
    assert any(attempt.attempt_number > 1 and attempt.status == "success" for attempt in attempts)
    assert all(1 <= attempt.attempt_number <= 5 for attempt in attempts)


def test_a_server_that_ran_without_traffic_keeps_what_it_had(tmp_path):
    store = Store(tmp_path / "sandbox.sqlite3")
    with store.session() as session:
        founding.found(session)
        ledger.grant(session, founding.ORGANIZATION_ID, 12_345)
    assert traffic.install(store, 1, NOW)
    with store.reading() as session:
        total = ledger.total(session, founding.ORGANIZATION_ID)
        assert ledger.balance(session, founding.ORGANIZATION_ID) == total
        assert session.scalar(select(func.count()).where(LedgerEntry.amount == 12_345)) == 1
    store.close()
