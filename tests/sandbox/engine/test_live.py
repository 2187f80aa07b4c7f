import asyncio
import datetime as dt
import time

import pytest
from sqlalchemy import func, select

from sandbox import founding, ledger
from sandbox.columns import utc_now
from sandbox.engine import Background
from sandbox.settings import Settings
from sandbox.tables import ApiKey, DeliveryAttempt, LedgerEntry, RequestLog, Workflow
from sandbox.traffic import installing, live
from sandbox.traffic.characters import CAST
from sandbox.traffic.live import LiveTraffic
from sandbox.traffic.receivers import Receivers

PIPELINE = next(character for character in CAST if character.slug == "pipeline")


@pytest.fixture
def peopled(store):
    """The cast without a past, so that everything in the log is live."""
    with store.session() as session:
        founding.found(session)
        session.flush()
        installing._users(session, utc_now())
        for character in CAST:
            session.add(installing._key(character, 1, utc_now(), 0, None))
        session.add(installing.Fact(name=installing.FACT_SEED, value="1"))
    return store


@pytest.fixture
def cast(peopled):
    made = LiveTraffic(peopled, 1)
    yield made
    asyncio.run(made.close())


def rows(store):
    with store.reading() as session:
        return session.scalars(select(RequestLog).order_by(RequestLog.created_at)).all()


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_call_is_logged_with_the_characters_address_and_counted(cast, peopled):
    cast._get(PIPELINE, "/api/v1/public/credits/balance", cast._read_balance)
    (row,) = rows(peopled)
    assert (row.status_code, row.user_agent) == (200, PIPELINE.user_agent)
    assert row.ip_address in PIPELINE.addresses
    with peopled.reading() as session:
        key = session.get(ApiKey, row.key_id)
        assert (key.request_count, key.last_used_at) == (1, row.created_at)


def test_a_submitted_enrichment_is_real_and_reserves_credits(cast, peopled):
    cast._submit(PIPELINE, live.BULK, contacts=3)
    with peopled.reading() as session:
        workflow = session.scalars(select(Workflow)).one()
        assert workflow.api_key_id == PIPELINE.key_id(1)
        left = founding.FIRST_CREDITS - workflow.reserved
        assert ledger.balance(session, founding.ORGANIZATION_ID) == left


def test_without_credits_the_cast_is_refused_with_402(cast, peopled):
    with peopled.session() as session:
        ledger.set_balance(session, founding.ORGANIZATION_ID, 0)
    for _ in range(20):
        cast._submit(PIPELINE, live.BULK, contacts=3)
    # A `none` enrichment is free, so it is taken without credits too.
    assert 402 in {row.status_code for row in rows(peopled)}


def test_an_incomplete_contact_is_refused_with_422(cast, peopled):
    cast._call(PIPELINE, "POST", live.BULK, cast._incomplete_bulk)
    assert [row.status_code for row in rows(peopled)] == [422]


def test_a_revoked_key_falls_silent(cast, peopled):
    with peopled.session() as session:
        session.get(ApiKey, PIPELINE.key_id(1)).revoked_at = utc_now()
    cast._get(PIPELINE, "/api/v1/public/credits/balance", cast._read_balance)
    cast._submit(PIPELINE, live.BULK, contacts=1)
    assert rows(peopled) == []
    with peopled.reading() as session:
        assert session.scalar(select(func.count(Workflow.id))) == 0


def test_a_low_balance_is_topped_up_through_the_ledger(cast, peopled):
    with peopled.session() as session:
        ledger.set_balance(session, founding.ORGANIZATION_ID, 20)
    cast._top_up()
    cast._top_up()
    with peopled.reading() as session:
        assert ledger.balance(session, founding.ORGANIZATION_ID) == 20 + live.TOP_UP
        assert session.scalar(select(func.count()).where(LedgerEntry.amount == live.TOP_UP)) == 1


def test_the_engine_makes_calls_and_delivers_to_the_casts_own_receivers(peopled, tmp_path, monkeypatch):
    monkeypatch.setattr(live, "EVERY", dict.fromkeys(live.EVERY, 0.3))
    monkeypatch.setattr(live, "WEBHOOKS", {"works": 1})
    background = Background(peopled, Settings(tmp_path, allow_local_webhooks=False), traffic=True)
    background.start()
    try:
        wait_for(lambda: len(rows(peopled)) > 10)
        newest = select(DeliveryAttempt.status)
        wait_for(lambda: "success" in _all(peopled, newest))
    finally:
        background.stop()
    silent = {"idle", "expired", "revoked", "unused"}
    mute = {character.key_id(1) for character in CAST if character.slug in silent}
    assert not mute & {row.key_id for row in rows(peopled)}


def _all(store, query):
    with store.reading() as session:
        return session.scalars(query).all()


def test_time_in_which_the_server_was_off_is_a_gap(peopled, tmp_path):
    with peopled.session() as session:
        session.get(ApiKey, PIPELINE.key_id(1)).last_used_at = utc_now() - dt.timedelta(days=2)
    before = utc_now()
    background = Background(peopled, Settings(tmp_path), traffic=True)
    background.start()
    background.stop()
    assert all(row.created_at >= before for row in rows(peopled))


def test_the_receivers_keep_their_port_over_a_restart_when_it_is_free():
    first = Receivers()
    second = Receivers(first.port)
    assert second.port != first.port
    first.stop()
    third = Receivers(first.port)
    assert third.port == first.port
    second.stop()
    third.stop()
