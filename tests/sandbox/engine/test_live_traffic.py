import asyncio
import datetime as dt
import time

import httpx
import pytest
from sqlalchemy import func, select

from sandbox import demo, seed
from sandbox.credits import ledger
from sandbox.db.column_types import utc_now
from sandbox.db.tables import ApiKey, Delivery, DeliveryAttempt, LedgerEntry, RequestLog, Workflow
from sandbox.demo import installer, live_traffic
from sandbox.demo.demo_keys import DEMO_KEYS
from sandbox.demo.live_traffic import LiveTraffic
from sandbox.demo.receivers import WebhookReceivers
from sandbox.engine import Engine
from sandbox.settings import Settings

PIPELINE = next(demo_key for demo_key in DEMO_KEYS if demo_key.slug == "pipeline")


@pytest.fixture
def store_with_keys(store):
    """The demo keys without a past, so that everything in the log is live."""
    with store.session() as session:
        seed.ensure_default_organization(session)
        session.flush()
        installer._add_users(session, utc_now())
        for demo_key in DEMO_KEYS:
            session.add(installer._api_key(demo_key, 1, utc_now(), 0, None))
        session.add(installer.Fact(name=installer.FACT_SEED, value="1"))
    return store


@pytest.fixture
def live(store_with_keys):
    traffic = LiveTraffic(store_with_keys, 1)
    yield traffic
    asyncio.run(traffic.close())


def rows(store):
    with store.reading() as session:
        return session.scalars(select(RequestLog).order_by(RequestLog.created_at)).all()


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_call_is_logged_with_the_keys_ip_address_and_counted(live, store_with_keys):
    live._get(PIPELINE, "/api/v1/public/credits/balance", live._read_balance)
    (row,) = rows(store_with_keys)
    assert (row.status_code, row.user_agent) == (200, PIPELINE.user_agent)
    assert row.ip_address in PIPELINE.ip_addresses
    with store_with_keys.reading() as session:
        key = session.get(ApiKey, row.key_id)
        assert (key.request_count, key.last_used_at) == (1, row.created_at)


def test_a_submitted_enrichment_is_real_and_reserves_credits(live, store_with_keys):
    live._submit(PIPELINE, live_traffic.BULK, contacts=3)
    with store_with_keys.reading() as session:
        workflow = session.scalars(select(Workflow)).one()
        assert workflow.api_key_id == PIPELINE.key_id(1)
        left = seed.INITIAL_CREDITS - workflow.reserved
        assert ledger.balance(session, seed.ORGANIZATION_ID) == left


def test_without_credits_enrichments_are_refused_with_402(live, store_with_keys):
    with store_with_keys.session() as session:
        ledger.set_balance(session, seed.ORGANIZATION_ID, 0)
    for _ in range(20):
        live._submit(PIPELINE, live_traffic.BULK, contacts=3)
    # A `none` enrichment is free, so it is taken without credits too.
    assert 402 in {row.status_code for row in rows(store_with_keys)}


def test_an_incomplete_contact_is_refused_with_422(live, store_with_keys):
    live._call(PIPELINE, "POST", live_traffic.BULK, live._incomplete_bulk)
    assert [row.status_code for row in rows(store_with_keys)] == [422]


def test_a_revoked_key_makes_no_more_calls(live, store_with_keys):
    with store_with_keys.session() as session:
        session.get(ApiKey, PIPELINE.key_id(1)).revoked_at = utc_now()
    live._get(PIPELINE, "/api/v1/public/credits/balance", live._read_balance)
    live._submit(PIPELINE, live_traffic.BULK, contacts=1)
    assert rows(store_with_keys) == []
    with store_with_keys.reading() as session:
        assert session.scalar(select(func.count(Workflow.id))) == 0


def test_a_low_balance_is_topped_up_through_the_ledger(live, store_with_keys):
    with store_with_keys.session() as session:
        ledger.set_balance(session, seed.ORGANIZATION_ID, 20)
    live._top_up()
    live._top_up()
    with store_with_keys.reading() as session:
        assert ledger.balance(session, seed.ORGANIZATION_ID) == 20 + live_traffic.TOP_UP
        assert session.scalar(select(func.count()).where(LedgerEntry.amount == live_traffic.TOP_UP)) == 1


def test_the_engine_makes_calls_and_delivers_to_its_own_receivers(store_with_keys, tmp_path, monkeypatch):
    monkeypatch.setattr(live_traffic, "MEAN_PAUSE_SECONDS", dict.fromkeys(live_traffic.MEAN_PAUSE_SECONDS, 0.3))
    monkeypatch.setattr(live_traffic, "WEBHOOKS", {"works": 1})
    engine = Engine(store_with_keys, Settings(tmp_path, allow_local_webhooks=False), traffic=True)
    engine.start()
    try:
        wait_for(lambda: len(rows(store_with_keys)) > 10)
        newest = select(DeliveryAttempt.status)
        wait_for(lambda: "success" in _all(store_with_keys, newest))
    finally:
        engine.stop()
    silent = {"idle", "expired", "revoked", "unused"}
    silent_ids = {demo_key.key_id(1) for demo_key in DEMO_KEYS if demo_key.slug in silent}
    assert not silent_ids & {row.key_id for row in rows(store_with_keys)}


def _all(store, query):
    with store.reading() as session:
        return session.scalars(query).all()


def test_time_in_which_the_server_was_off_is_a_gap(store_with_keys, tmp_path):
    with store_with_keys.session() as session:
        session.get(ApiKey, PIPELINE.key_id(1)).last_used_at = utc_now() - dt.timedelta(days=2)
    before = utc_now()
    engine = Engine(store_with_keys, Settings(tmp_path), traffic=True)
    engine.start()
    engine.stop()
    assert all(row.created_at >= before for row in rows(store_with_keys))


def test_the_receivers_keep_their_port_over_a_restart_when_it_is_free():
    first = WebhookReceivers()
    second = WebhookReceivers(first.port)
    assert second.port != first.port
    first.stop()
    third = WebhookReceivers(first.port)
    assert third.port == first.port
    second.stop()
    third.stop()


def test_what_failed_at_the_receiver_that_recovered_leads_to_it_at_each_start(store):
    demo.install(store, 1, utc_now())

    def urls(column, port):
        with store.reading() as session:
            found = session.scalars(select(column).where(column.endswith("/recovered"))).all()
        assert set(found) == {f"http://127.0.0.1:{port}/recovered"}
        return len(found)

    occupant = None
    for _ in range(2):
        traffic = LiveTraffic(store, 1)
        asyncio.run(traffic.open())
        (port,) = traffic.ports
        assert urls(Workflow.webhook_url, port) == urls(Delivery.url, port) == 2
        assert urls(DeliveryAttempt.url, port) == 10
        assert httpx.post(f"http://127.0.0.1:{port}/recovered", json={}).status_code == 200
        asyncio.run(traffic.close())
        if occupant is None:  # the next start finds the port taken
            occupant = WebhookReceivers(port)
    assert port != occupant.port
    occupant.stop()
