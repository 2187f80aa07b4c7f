"""The clock of the background work while nobody takes the work."""

import pytest

from dashboard.beat import MOST_WAITING, Scheduler
from dashboard.celery import app

TICK = "poll what is due"


@pytest.fixture
def scheduler(redis):
    """Beat's scheduler, with the tests' Redis as its broker and no worker."""
    return Scheduler(app=app, lazy=True)


def tick(scheduler, name, times):
    scheduler.setup_schedule()
    with app.connection_for_write() as connection, app.amqp.Producer(connection, auto_declare=False) as producer:
        for _ in range(times):
            scheduler.apply_entry(scheduler.schedule[name], producer=producer)


def test_ticks_stop_filling_the_queue_when_no_worker_takes_them(scheduler, redis, caplog):
    tick(scheduler, TICK, MOST_WAITING + 20)
    assert redis.llen("celery") == MOST_WAITING
    assert [record.msg["event"] for record in caplog.records].count("no_worker_takes_tasks") == 1


def test_what_runs_once_an_hour_is_queued_all_the_same(scheduler, redis):
    tick(scheduler, TICK, MOST_WAITING)
    tick(scheduler, "prune the request log", 1)
    assert redis.llen("celery") == MOST_WAITING + 1


def test_ticks_begin_again_with_a_worker(scheduler, redis):
    tick(scheduler, TICK, MOST_WAITING + 1)
    redis.delete("celery")
    tick(scheduler, TICK, 2)
    assert redis.llen("celery") == 2
