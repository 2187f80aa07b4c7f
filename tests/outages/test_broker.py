"""Workers outlive a broker that goes away with a task in flight, and go on when it is back."""

import kombu
import pytest

from dashboard.celery import app, broker_url
from tests.outages.conftest import Worker
from tests.waiting import wait_until

POOLS = ("prefork", "threads")


@pytest.fixture
def workers(tmp_path, broker):
    both = {pool: Worker(tmp_path, broker.url, pool) for pool in POOLS}
    for worker in both.values():
        worker.start()
    yield both
    for worker in both.values():
        worker.process.kill()
        worker.process.wait()


def give(broker, queue, path):
    with kombu.Connection(broker_url(broker.url)) as connection:
        app.send_task("hold", [str(path)], queue=queue, connection=connection)


def test_a_worker_goes_on_after_its_broker_went_away_with_a_task_in_flight(tmp_path, broker, workers):
    for pool in POOLS:
        give(broker, pool, tmp_path / f"{pool}-first")
    wait_until(lambda: all((tmp_path / f"{pool}-first").exists() for pool in POOLS), 40)
    broker.stop()
    wait_until(lambda: all("Connection to broker lost" in worker.text for worker in workers.values()))
    for pool in POOLS:
        (tmp_path / f"{pool}-first").unlink()
    wait_until(lambda: all("Trying again in" in worker.text for worker in workers.values()))
    broker.start()
    for pool in POOLS:
        give(broker, pool, tmp_path / f"{pool}-second")
    wait_until(lambda: all((tmp_path / f"{pool}-second").exists() for pool in POOLS), 30)
    assert [worker.process.poll() for worker in workers.values()] == [None, None]
