"""The clock of the background work while nobody takes the work."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from config.celery import app
from config.queue import beat_scheduler
from config.queue.beat_scheduler import FEW_WAITING, MOST_WAITING, Scheduler
from core import clock
from workspaces.models import Heartbeat

pytestmark = pytest.mark.django_db
TICK, QUEUES = "poll what is due", ("polling", "alerts", "celery")


@pytest.fixture
def scheduler(redis):
    """Beat's scheduler, with the tests' Redis as its broker and no worker."""
    app.loader.import_default_modules()
    return Scheduler(app=app, lazy=True)


def tick(scheduler, name, times, *, lost_after=True):
    """Have the task due so many times; each so late that the one before counts as lost, unless told otherwise."""
    scheduler.setup_schedule()
    with app.connection_for_write() as connection, app.amqp.Producer(connection, auto_declare=False) as producer:
        for _ in range(times):
            if lost_after:
                beat_scheduler.rate_limiter.connection().delete(
                    *beat_scheduler.rate_limiter.connection().keys("console:waits:*") or ["none"]
                )
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
    monkeypatch.setattr("workspaces.polling.heartbeats._clock", lambda: True)
    tick(scheduler, TICK, 1)
    assert Heartbeat.objects.get(kind=Heartbeat.Kind.CLOCK).beat_at <= clock.now()


def test_a_task_waits_once_until_a_worker_begins_it(scheduler, redis):
    tick(scheduler, TICK, 3, lost_after=False)
    tick(scheduler, "mend the clock", 1, lost_after=False)
    assert redis.llen("polling") == 2
    beat_scheduler.mark_started(sender=app.tasks["workspaces.tasks.poll_due"])
    tick(scheduler, TICK, 3, lost_after=False)
    assert redis.llen("polling") == 3


def test_a_task_that_was_lost_is_sent_again(scheduler, redis):
    tick(scheduler, TICK, 1, lost_after=False)
    assert 0 < redis.ttl("console:waits:workspaces.tasks.poll_due") <= beat_scheduler.LOST_AFTER


def test_a_task_that_redis_lost_with_all_else_is_sent_at_once(scheduler, redis):
    tick(scheduler, TICK, 1, lost_after=False)
    redis.flushdb()
    tick(scheduler, TICK, 1, lost_after=False)
    assert redis.llen("polling") == 1


def test_a_lost_task_is_sent_again_though_the_clock_of_redis_was_set_back(scheduler, redis, monkeypatch):
    now = beat_scheduler.monotonic()
    monkeypatch.setattr(beat_scheduler, "monotonic", lambda: now)
    tick(scheduler, TICK, 1, lost_after=False)
    for again in (1, 2):
        redis.delete("polling")  # a worker had taken it, and was killed before it began
        redis.expire("console:waits:workspaces.tasks.poll_due", 30 * 86400)
        now += beat_scheduler.LOST_AFTER - 1
        tick(scheduler, TICK, 1, lost_after=False)
        assert redis.llen("polling") == 0, again
        now += 1
        tick(scheduler, TICK, 2, lost_after=False)
        assert redis.llen("polling") == 1, again


def test_no_task_expires_because_the_clocks_of_beat_and_worker_may_differ(scheduler, redis):
    scheduler.setup_schedule()
    for name in set(scheduler.schedule) - {"celery.backend_cleanup"}:
        tick(scheduler, name, 1)
    sent = [json.loads(message)["headers"] for queue in QUEUES for message in redis.lrange(queue, 0, -1)]
    assert len(sent) >= len(scheduler.schedule) - 1
    assert {(headers["expires"], headers["eta"]) for headers in sent} == {(None, None)}
    assert {task.expires for name, task in app.tasks.items() if not name.startswith("celery.")} == {None}


@pytest.mark.parametrize("back", [timedelta(seconds=90), timedelta(hours=1), timedelta(days=30)])
def test_a_clock_that_is_set_back_holds_up_nothing(scheduler, redis, back):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        scheduler.setup_schedule()
        clock.shift(2)
        scheduler.tick()
        assert redis.llen("polling") == 1
        redis.delete("polling")
        beat_scheduler.mark_started(sender=app.tasks["workspaces.tasks.poll_due"])
        clock.move_to(now - back)
        for _ in range(len(scheduler.schedule) + 1):
            scheduler.tick()
        waiting = [message for queue in QUEUES for message in redis.lrange(queue, 0, -1)]
        sent = {json.loads(message)["headers"]["task"] for message in waiting}
        assert sent == {entry.task for entry in scheduler.schedule.values()}
