"""An alert's e-mail does not wait for polls that hang."""

import socket
import subprocess
import time

import pytest
from django.conf import settings as production
from django.utils import timezone

from alerts.models import Notification, Recipient
from config.celery import app
from config.embedded import programs
from core.task_queue import enqueue
from tests.alerts.conftest import Mailbox
from tests.conftest import ROOT, clean_environment
from tests.wait import wait_until
from tests.workspaces.polling.test_workers import database_url
from workspaces.models import Heartbeat, Poll, Workspace
from workspaces.tasks import poll_due

ALERTS = ("alerts.tasks.evaluate_rules", "alerts.tasks.send_notifications", "workspaces.tasks.send_account_mail")


@pytest.fixture
def mailbox():
    server = Mailbox()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hanging():
    """An upstream that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def worker(tmp_path, mailbox, hanging):
    """The one worker of the embedded set, on the test's database."""
    environment = clean_environment(
        VAR_DIR=tmp_path,
        PYTHONPATH=ROOT,
        SECRET_KEY=production.SECRET_KEY,
        ENCRYPTION_KEYS=production.ENCRYPTION_KEYS[0],
        DATABASE_URL=database_url(),
        REDIS_URL=production.REDIS_URL,
        EMAIL_URL=f"smtp://127.0.0.1:{mailbox.port}",
        CLEANLIST_API_ORIGINS=hanging,
    )
    (command,) = [process.command for process in programs.workers()]
    with subprocess.Popen(command, env=environment) as process:
        yield process
        process.kill()


def beats(kind, name):
    return Heartbeat.objects.filter(kind=kind, name__startswith=name).exists()


@pytest.mark.django_db(transaction=True)
def test_mail_is_on_its_way_within_five_seconds_while_all_polls_hang(workspace, worker, mailbox, hanging):
    wait_until(lambda: beats("worker", "worker@"), 60)
    Workspace.objects.update(base_url=hanging)
    polls = [
        Poll(workspace=workspace, resource="balance", subject=str(number), interval_seconds=60) for number in range(9)
    ]
    Poll.objects.bulk_create(polls)
    for _ in range(8):  # twice as many as it has threads
        poll_due.apply_async(expires=60)
    wait_until(lambda: Poll.objects.filter(leased_until__gt=timezone.now()).count() == 9)
    recipient = Recipient.objects.create(workspace=workspace, address="pager@example.test")
    Notification.objects.create(key="k", workspace=workspace, recipient=recipient, kind="test")
    began = time.monotonic()
    enqueue("alerts.tasks.send_notifications")
    wait_until(lambda: mailbox.messages)
    assert time.monotonic() - began < 5
    assert Poll.objects.filter(leased_until__gt=timezone.now()).count() == 9
    assert beats("queue", "polling")


@pytest.mark.parametrize("entry", production.CELERY_BEAT_SCHEDULE.values(), ids=lambda entry: entry["task"])
def test_alerts_and_mail_have_a_queue_of_their_own(entry):
    own = entry["task"] in {*ALERTS, "config.tasks.ping_outside"}
    assert app.amqp.router.route({}, entry["task"])["queue"].name == ("alerts" if own else "polling")


def test_the_embedded_set_can_have_a_worker_for_them(settings):
    def queues():
        return [process.command[process.command.index("-Q") + 1] for process in programs.workers()]

    assert queues() == ["polling,alerts"]
    settings.ALERTS_WORKER = True
    assert queues() == ["polling", "alerts"]
