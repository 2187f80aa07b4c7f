"""Workers outlive a broker that goes away with a task in flight, and go on when it is back."""

import time

import kombu
import pytest

from config.celery import app, broker_url
from tests.config.outages.conftest import Program
from tests.wait import wait_until

POOLS = ("prefork", "threads")


@pytest.fixture
def programs(tmp_path, broker):
    """A worker of each pool, with a queue of its own, and the clock."""
    commands = {pool: ["worker", "--pool", pool, "--concurrency", "2", "-Q", pool] for pool in POOLS}
    commands["clock"] = ["beat", "--pidfile="]
    all_of_them = {name: Program(tmp_path, broker.url, name, *command) for name, command in commands.items()}
    for program in all_of_them.values():
        program.start()
    yield all_of_them
    for program in all_of_them.values():
        program.process.kill()
        program.process.wait()


def give(broker, queue, path):
    with kombu.Connection(broker_url(broker.url)) as connection:
        app.send_task("hold", [str(path)], queue=queue, connection=connection)


def begun(tmp_path, number):
    return all((tmp_path / f"{pool}-{number}").exists() for pool in POOLS)


def test_workers_and_clock_go_on_after_an_outage_and_say_little_of_it(tmp_path, broker, programs):
    for pool in POOLS:
        give(broker, pool, tmp_path / f"{pool}-1")
    wait_until(lambda: begun(tmp_path, 1) and broker.client.llen("polling"), 40)
    broker.stop()
    wait_until(lambda: all("what=redis" in program.text for program in programs.values()))
    for pool in POOLS:
        (tmp_path / f"{pool}-1").unlink()
    time.sleep(2)  # the clock tries in vain, and the tasks' ends meet a closed connection
    broker.start()
    for pool in POOLS:
        give(broker, pool, tmp_path / f"{pool}-2")
    wait_until(lambda: begun(tmp_path, 2), 30)
    wait_until(lambda: broker.client.llen("polling"))
    assert [program.process.poll() for program in programs.values()] == [None] * 3
    assert [program.text.count("what=redis") for program in programs.values()] == [1] * 3
    # Beside it the database's, which has no tables here, and that they are connected again.
    assert [program.lines for program in programs.values() if len(program.lines) > 3] == []
