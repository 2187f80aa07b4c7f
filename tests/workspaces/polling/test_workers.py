"""Several workers, each a process of its own, on one table."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.db import leases
from tests.conftest import ROOT, clean_environment
from tests.fixtures import NOWHERE
from tests.wait import wait_until
from workspaces.models import Poll
from workspaces.polling import engine, shutdown

pytestmark = pytest.mark.django_db(transaction=True)


def database_url():
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    return f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT'] or 5432}/{known['NAME']}"


@pytest.fixture
def start_worker(tmp_path):
    """Start workers that fetch nothing from anybody; they begin when their line comes."""
    started = []

    def start(**variables):
        environment = clean_environment(
            VAR_DIR=tmp_path,
            SECRET_KEY=settings.SECRET_KEY,
            ENCRYPTION_KEYS=settings.ENCRYPTION_KEYS[0],
            DATABASE_URL=database_url(),
            REDIS_URL=settings.REDIS_URL,
            CLEANLIST_API_ORIGINS=NOWHERE,
            RATE_LIMIT_PER_MINUTE=100_000,
            **variables,
        )
        command = [sys.executable, "-m", "tests.workspaces.polling.competing_workers"]
        pipe = subprocess.PIPE
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
        started.append(worker)
        assert worker.stdout.readline() == "ready\n"
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.communicate()


def let_go(worker):
    worker.stdin.write("\n")
    worker.stdin.flush()


def make_polls(workspace, count):
    known = {"workspace": workspace, "resource": "weather", "interval_seconds": 3600, "next_run_at": timezone.now()}
    Poll.objects.bulk_create(Poll(subject=f"row-{number}", **known) for number in range(count))


def fetched(redis):
    return [line.decode().split() for line in redis.lrange("fetched", 0, -1)]


def test_two_workers_share_the_rows_and_fetch_none_twice(workspace, redis, start_worker):
    make_polls(workspace, 200)
    workers = [start_worker(), start_worker()]
    for worker in workers:
        let_go(worker)
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert Counter(subject for _, subject, _ in fetched(redis)).most_common(1)[0][1] == 1
    assert {at_once for _, _, at_once in fetched(redis)} == {"1"}
    assert len(fetched(redis)) == 200
    assert len({pid for pid, _, _ in fetched(redis)}) == 2


def test_a_worker_told_to_end_gives_back_what_takes_too_long(workspace, redis, start_worker):
    make_polls(workspace, 20)
    worker = start_worker(FETCH_SECONDS=60, STOPS_WHEN_TOLD=1)
    let_go(worker)
    wait_until(lambda: len(fetched(redis)) == 7)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert not Poll.objects.filter(leased_until__isnull=False).exists()
    assert Poll.objects.due(timezone.now()).count() == 20


def test_a_worker_that_is_killed_leaves_its_rows_to_others_after_a_while(workspace, redis, start_worker):
    make_polls(workspace, 7)
    worker = start_worker(FETCH_SECONDS=60)
    let_go(worker)
    wait_until(lambda: len(fetched(redis)) == 7)
    worker.kill()
    assert not Poll.objects.due(timezone.now()).exists()
    assert Poll.objects.due(timezone.now() + timedelta(seconds=leases.SECONDS)).count() == 7


def test_nothing_new_is_taken_once_the_end_was_asked_for(poll, upstream):
    shutdown.request()
    try:
        assert engine.run_due() == 0
    finally:
        shutdown.reset()
    assert engine.run_due() == 1
