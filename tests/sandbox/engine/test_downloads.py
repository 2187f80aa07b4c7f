"""Downloads whose readers are slow, and a database whose connections are all in use."""

import asyncio
import contextlib
import sqlite3

import httpx
import pytest
from sqlalchemy import select

from sandbox.auth.credentials import collect_credentials
from sandbox.data_dir import DataDir
from sandbox.db.lead_tables import LeadList
from sandbox.db.tables import User
from sandbox.exports import rows
from sandbox.http import downloads
from sandbox.server import create_app
from sandbox.settings import Settings

from .conftest import ORGANIZATION, USER

SCOPE = {"type": "http", "path": "/exports/x.csv", "client": ("127.0.0.1", 1), "asgi": {"spec_version": "2.3"}}


def test_a_file_keeps_no_connection_while_it_is_read(store):
    with store.session() as session:
        session.add(LeadList(id="list", organization_id=ORGANIZATION, owner_id=USER, name="A"))
    lines = rows.csv_lines(store, "list", ["email"])
    assert [next(lines), next(lines)] == ["email\r\n", ""]
    assert store.engine.pool.checkedout() == 0


class Client:
    """A client that reads nothing until `reading` is set."""

    def __init__(self, places):
        self.reading, self.sent = asyncio.Event(), asyncio.Event()
        self.messages = []
        content = iter(["a", "b"])
        file = downloads.Download(content, places, media_type="text/csv", headers={})
        self.task = asyncio.create_task(file(SCOPE, self.receive, self.send))

    async def receive(self):
        await asyncio.Event().wait()

    async def send(self, message):
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self.sent.set()
            await self.reading.wait()

    @property
    def status(self):
        return self.messages[0]["status"]


async def eight_and_one():
    places = downloads.Downloads()
    slow = [Client(places) for _ in range(8)]
    for client in slow:
        await client.sent.wait()
    refused = Client(places)
    refused.reading.set()
    await refused.task
    slow[0].task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await slow[0].task
    served = Client(places)
    for client in [*slow, served]:
        client.reading.set()
    await asyncio.gather(*(client.task for client in [*slow[1:], served]))
    return places, slow, refused, served


def test_more_downloads_than_there_are_places_are_503():
    places, slow, refused, served = asyncio.run(asyncio.wait_for(eight_and_one(), 20))
    assert refused.status == 503
    assert (b"retry-after", b"5") in refused.messages[0]["headers"]
    assert {client.status for client in [*slow, served]} == {200}
    assert b"".join(message["body"] for message in served.messages[1:]) == b"ab"
    assert places.running == 0


async def eight_and_one_more():
    places = downloads.Downloads()
    slow = [Client(places) for _ in range(8)]
    for client in slow:
        await client.sent.wait()
    served = Client(places)
    served.reading.set()
    await served.task
    await slow[0].task  # has ended without having read anything
    for client in slow[1:]:
        client.reading.set()
    await asyncio.gather(*(client.task for client in slow[1:]))
    return places, slow, served


def test_who_reads_for_long_makes_room(monkeypatch):
    monkeypatch.setattr(downloads, "MAX_SECONDS_IF_FULL", 0)
    places, slow, served = asyncio.run(asyncio.wait_for(eight_and_one_more(), 20))
    assert served.status == 200
    assert [len(client.messages) for client in slow] == [2, *[4] * 7]
    assert places.running == 0


def test_a_download_that_takes_too_long_ends(monkeypatch):
    monkeypatch.setattr(downloads, "MAX_SECONDS", 0.05)

    async def read_nothing():
        places = downloads.Downloads()
        await asyncio.wait_for(Client(places).task, 20)
        return places

    assert asyncio.run(read_nothing()).running == 0


def test_a_key_is_looked_up_also_when_all_connections_are_in_use(store):
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(store.reading()).connection()
        assert store.look_up(select(User.id), {}) == (USER,)


async def ask(app, key, method="GET", path="/api/v2/credits/balance", body=None):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, headers={"Authorization": f"Bearer {key}"}, json=body)


@pytest.mark.parametrize("credential", ["api_key", "session_jwt"])
def test_without_a_free_connection_the_answer_is_503(tmp_path, credential):
    key = collect_credentials(DataDir(tmp_path / "data"), None, 60)[credential]
    app = create_app(Settings(data_dir=tmp_path / "data"))
    store = app.state.services.store
    store.engine.pool._timeout = 0.1
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(store.reading()).connection()
        answer = asyncio.run(ask(app, key, path="/api/v2/lead-lists"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["code"] == "overloaded"
    assert asyncio.run(ask(app, key, path="/api/v2/lead-lists")).status_code == 200
    store.close()


@contextlib.contextmanager
def another_process_writing(store):
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def another_thread_writing(store):
    with store.session():
        yield


@pytest.mark.parametrize("writing", [another_process_writing, another_thread_writing])
def test_who_gets_no_turn_to_write_is_told_to_come_back(tmp_path, monkeypatch, writing):
    monkeypatch.setattr("sandbox.db.store.BUSY_TIMEOUT_SECONDS", 0.1)
    key = collect_credentials(DataDir(tmp_path / "data"), None, 60)["api_key"]
    app = create_app(Settings(data_dir=tmp_path / "data"))
    store = app.state.services.store
    with writing(store):
        refused = asyncio.run(ask(app, key, "POST", "/api/v2/lead-lists", {"name": "A"}))
        assert asyncio.run(ask(app, key)).status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["error"]["code"] == "overloaded"
    assert asyncio.run(ask(app, key, "POST", "/api/v2/lead-lists", {"name": "A"})).status_code == 201
    store.close()
