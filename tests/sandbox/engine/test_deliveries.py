import asyncio
import datetime as dt
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from sandbox.db.store import Store
from sandbox.db.tables import Delivery, DeliveryAttempt, Workflow
from sandbox.engine import Engine
from sandbox.enrichment.workflows import RunTime
from sandbox.settings import Settings
from sandbox.webhooks import deliveries
from sandbox.webhooks.deliveries import WebhookSender
from sandbox.webhooks.guarded_post import AllowedTargets, PostResult

from .conftest import submit

LOOPBACK = AllowedTargets(loopback=True)
SHORT_WAITS = (0.05, 0.1, 0.15, 0.2, 60.0)
SOON = RunTime(0.05)


@pytest.fixture
def receiver():
    """A real receiver: returns `statuses` in turn (the last one forever); None hangs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            server.headers.append(dict(self.headers))
            server.times.append(time.monotonic())
            status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
            if status is None:
                server.released.wait(5)
                return
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    server.statuses, server.bodies, server.headers, server.times = [200], [], [], []
    server.released = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def running(store, tmp_path, seconds=1.0, waits=SHORT_WAITS):
    settings = Settings(tmp_path, allow_local_webhooks=True)
    engine = Engine(store, settings, sender=WebhookSender(store, LOOPBACK, waits, seconds))
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def state(store):
    with store.reading() as session:
        return session.scalar(select(Delivery.state))


def attempts(store):
    newest_last = select(DeliveryAttempt).order_by(DeliveryAttempt.attempted_at)
    with store.reading() as session:
        return session.scalars(newest_last).all()


def submit_with_webhook(store, receiver, numbers=(42,), enrichment_type="full"):
    url = receiver.url
    return submit(store, numbers, enrichment_type, webhook_url=url, targets=LOOPBACK, run_time=SOON)


def test_the_webhook_of_a_finished_workflow_has_the_documented_fields(funded, receiver, tmp_path):
    workflow = submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "delivered")
    body = json.loads(receiver.bodies[0])
    assert list(body) == [
        "event",
        "workflow_id",
        "lead_list_id",
        "enrichment_type",
        "status",
        "summary",
        "results",
        "results_limit",
        "results_truncated",
        "results_endpoint",
        "completed_at",
    ]
    assert (body["event"], body["workflow_id"]) == ("enrichment.completed", workflow.id)
    assert (body["results_limit"], body["results_truncated"]) == (250, False)
    (result,) = body["results"]
    assert result["task_id"] == workflow.tasks[0].id
    assert result["primary_email"] == "contact-0042@example-17.test"


def test_the_post_is_plain_json_without_a_signature(funded, receiver, tmp_path):
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "delivered")
    (headers,) = receiver.headers
    assert headers["Content-Type"] == "application/json"
    assert not [name for name in headers if "signature" in name.lower()]


def test_more_than_250_results_are_truncated_and_flagged(store):
    tasks = [deliveries.WorkflowTask(id=str(n), status="completed", result={}) for n in range(251)]
    body = deliveries.payload(Workflow(id="w", tasks=tasks, status="completed"))
    assert (len(body["results"]), body["results_truncated"], body["summary"]["total"]) == (250, True, 251)


def test_a_receiver_that_recovers_gets_its_webhook_and_every_attempt_is_kept(funded, receiver, tmp_path):
    receiver.statuses = [503, 500, 200]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "delivered")
    rows = [(row.attempt_number, row.status, row.response_status_code) for row in attempts(funded)]
    assert rows == [(1, "failed", 503), (2, "failed", 500), (3, "success", 200)]
    assert attempts(funded)[0].error_message == "HTTP 503 Service Unavailable"


def test_after_five_failed_attempts_a_delivery_has_failed(funded, receiver, tmp_path):
    receiver.statuses = [500]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "failed")
    assert [row.attempt_number for row in attempts(funded)] == [1, 2, 3, 4, 5]
    assert len(receiver.times) == 5


def test_the_waits_between_attempts_are_kept(funded, receiver, tmp_path):
    receiver.statuses = [500]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "failed")
    gaps = [later - earlier for earlier, later in zip(receiver.times, receiver.times[1:], strict=False)]
    assert all(gap >= wait - 0.01 for gap, wait in zip(gaps, SHORT_WAITS[:4], strict=True))


def test_the_documented_schedule_is_1_2_4_8_seconds_and_then_failure(funded):
    workflow = submit(funded, [42], webhook_url="https://hooks.example-3.test/")
    waits = []
    with funded.session() as session:
        delivery = deliveries.enqueue(session, workflow, workflow.submitted_at)
        delivery.attempts = 0
        for _ in range(5):
            before = dt.datetime.now(dt.UTC)
            deliveries.record_attempt(session, delivery, PostResult(500, "HTTP 500", 3))
            if delivery.next_attempt_at:
                waits.append(round((delivery.next_attempt_at - before).total_seconds()))
    assert waits == [1, 2, 4, 8]
    assert delivery.state == "failed"


def test_a_hanging_receiver_does_not_delay_others(funded, receiver, tmp_path):
    receiver.statuses = [None, 200]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path, seconds=4.0):
        wait_for(lambda: len(receiver.bodies) == 1)
        submit_with_webhook(funded, receiver)
        wait_for(lambda: [row.status for row in attempts(funded)] == ["success"], seconds=3)
        assert len(receiver.bodies) == 2
        receiver.released.set()


def test_a_time_out_has_an_error_message(funded, receiver, tmp_path):
    receiver.statuses = [None]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path, seconds=0.2):
        wait_for(lambda: attempts(funded))
    row = attempts(funded)[0]
    assert (row.status, row.response_status_code) == ("failed", None)
    assert row.error_message == "Connection timed out: no answer within 0.2 s"
    assert row.response_time_ms >= 200


def test_a_pending_delivery_survives_a_restart(funded, receiver, tmp_path):
    receiver.statuses = [500, 200]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path, waits=(0.4, 0.4, 0.4, 0.4, 0.4)):
        wait_for(lambda: len(attempts(funded)) == 1)
    assert state(funded) == "pending"
    funded.close()
    restarted = Store(funded.path)
    with running(restarted, tmp_path):
        wait_for(lambda: state(restarted) == "delivered")
    assert [row.attempt_number for row in attempts(restarted)] == [1, 2]
    restarted.close()


def test_an_attempt_interrupted_by_a_stop_is_repeated(funded, receiver, tmp_path):
    receiver.statuses = [None, 200]
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path, seconds=5.0):
        wait_for(lambda: len(receiver.bodies) == 1)
    assert (state(funded), attempts(funded)) == ("pending", [])
    with running(funded, tmp_path):
        wait_for(lambda: state(funded) == "delivered")


def test_a_briefly_locked_database_does_not_stop_the_engine(funded, receiver, tmp_path):
    submit_with_webhook(funded, receiver)
    with running(funded, tmp_path):
        with funded.session():
            time.sleep(0.3)  # holds the one write lock
        wait_for(lambda: state(funded) == "delivered")


def test_a_delivery_being_sent_is_not_sent_twice(funded, receiver):
    receiver.statuses = [None]
    workflow = submit_with_webhook(funded, receiver)
    with funded.session() as session:
        deliveries.enqueue(session, workflow, workflow.submitted_at)

    async def tick_often():
        sender = WebhookSender(funded, LOOPBACK, timeout=1.0)
        for _ in range(5):
            await sender.tick()
            await asyncio.sleep(0.02)
        await sender.close()

    # The workflow is not finished; what counts here is that five looks make one POST.
    asyncio.run(tick_often())
    assert len(receiver.bodies) == 1
