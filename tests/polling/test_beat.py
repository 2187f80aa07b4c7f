"""The clock of the background work while nobody takes the work."""

from datetime import timedelta

import pytest

from dashboard.beat import FEW_WAITING, MOST_WAITING, Scheduler
from dashboard.celery import app
from workspaces import clock
from workspaces.models import Heartbeat

pytestmark = pytest.mark.django_db
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


def said(caplog):
    return [record.msg["event"] for record in caplog.records]


def worker(queues, seconds_ago=0):
    moment = clock.now() - timedelta(seconds=seconds_ago)
    Heartbeat.objects.create(kind=Heartbeat.Kind.WORKER, name="one", beat_at=moment, queues=queues)


def test_ticks_stop_filling_the_queue_when_no_worker_takes_them(scheduler, redis, caplog):
    tick(scheduler, TICK, MOST_WAITING + 20)
    assert redis.llen("polling") == MOST_WAITING
    assert said(caplog) == ["no_worker_takes_tasks"]


@pytest.mark.parametrize(
    ("queues", "seconds_ago", "event"),
    [
        ("alerts polling", 0, "workers_are_busy"),
        ("alerts", 0, "no_worker_takes_tasks"),
        ("polling", 120, "no_worker_takes_tasks"),
    ],
)
def test_busy_workers_and_none_are_told_apart(scheduler, caplog, queues, seconds_ago, event):
    worker(queues, seconds_ago)
    tick(scheduler, TICK, MOST_WAITING + 20)
    assert said(caplog) == [event]


def test_a_queue_that_is_worked_off_bit_by_bit_is_said_to_be_full_once(scheduler, redis, caplog):
    tick(scheduler, TICK, MOST_WAITING + 1)
    for _ in range(4):
        redis.ltrim("polling", 20, -1)
        tick(scheduler, TICK, 20)
    assert said(caplog) == ["no_worker_takes_tasks"]
    redis.ltrim("polling", 0, FEW_WAITING - 1)
    tick(scheduler, TICK, 1)
    assert said(caplog) == ["no_worker_takes_tasks", "workers_keep_up_again"]


def test_a_full_queue_holds_up_no_other(scheduler, redis):
    tick(scheduler, TICK, MOST_WAITING + 20)
    tick(scheduler, "send notifications", 1)
    assert redis.llen("alerts") == 1


def test_what_runs_once_an_hour_is_queued_all_the_same(scheduler, redis):
    tick(scheduler, TICK, MOST_WAITING)
    tick(scheduler, "prune the request log", 1)
    assert redis.llen("polling") == MOST_WAITING + 1


def test_what_was_sent_is_the_clocks_heartbeat(scheduler, monkeypatch):
    monkeypatch.setattr("workspaces.heartbeats._clock", lambda: True)
    tick(scheduler, TICK, 1)
    assert Heartbeat.objects.get(kind=Heartbeat.Kind.CLOCK).beat_at <= clock.now()
