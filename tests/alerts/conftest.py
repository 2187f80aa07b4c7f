"""A workspace with a balance to watch, and a real mail server on loopback."""

import email
import email.policy
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from aiosmtpd.controller import Controller
from django.urls import reverse
from django.utils import timezone

from alerts.engine import evaluation
from alerts.mail import outbox
from alerts.models import Alert, Evaluation, Notification, Recipient, Rule
from core import clock as database_clock
from tests.console_process import free_port
from usage import readings
from workspaces.models import Poll, Workspace


class Mailbox:
    """An SMTP server that keeps messages; tests set its answers."""

    def __init__(self):
        self.messages = []
        self.at_recipient = {}  # address → answer to RCPT
        self.port, self.controller = free_port(), None
        self.at_data = []  # answers to DATA, used up one by one; an exception ends the session

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self):
        if self.controller is not None:
            self.controller.stop()
        self.controller = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's names
        answer = self.at_recipient.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        answer = self.at_data.pop(0) if self.at_data else "250 2.0.0 queued as 4711"
        if answer.startswith("drop"):
            if answer == "drop after":
                self._keep(envelope)
            server.transport.abort()
            return "421 gone"
        if answer.startswith("250"):
            self._keep(envelope)
        return answer

    def _keep(self, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.envelope_to = envelope.rcpt_tos
        self.messages.append(message)

    @property
    def subjects(self):
        return [message["Subject"] for message in self.messages]

    @property
    def ids(self):
        return [message["Message-ID"] for message in self.messages]


@pytest.fixture
def mailbox(settings):
    """A real SMTP server that accepts everything, unless a test changes that."""
    box = Mailbox()
    box.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_TIMEOUT = 2
    yield box
    box.stop()


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch):
    """No Celery worker runs in tests: what it would do, tests do themselves."""
    monkeypatch.setattr("core.task_queue.enqueue", lambda _task: None)


class Watch:
    """A workspace whose balance the test sets; rules are evaluated as a worker would after each poll."""

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock
        self.poll = Poll.objects.create(
            workspace=workspace, resource="balance", interval_seconds=60, last_success_at=timezone.now()
        )
        Evaluation.objects.create(workspace=workspace, known_kinds=[kind.name for kind in evaluation.all_kinds()])

    @property
    def now(self):
        return timezone.now()

    def rule(self, **facts):
        known = {
            "kind": "balance_below",
            "name": "Balance low",
            "severity": "warning",
            "threshold": Decimal(500),
            "recovery": Decimal(550),
            "parameters": {"unit": "credits"},
            **facts,
        }
        return Rule.objects.create(workspace=self.workspace, **known)

    def balance(self, amount, *, after=timedelta(0)):
        """Record a balance some time later, and evaluate."""
        self.clock.shift(after or timedelta(seconds=60))
        readings.record_reading(self.workspace, Decimal(amount), self.now)
        Poll.objects.filter(pk=self.poll.pk).update(last_success_at=self.now, consecutive_failures=0, last_error="")
        self.evaluate()

    def unreadable(self, *, after=timedelta(minutes=10)):
        """Let polls fail for so long, and evaluate every other minute."""
        end = self.now + after
        while self.now < end:
            self.clock.shift(timedelta(minutes=2))
            Poll.objects.filter(pk=self.poll.pk).update(consecutive_failures=3, last_error="Cleanlist is down")
            self.evaluate()

    def evaluate(self):
        Evaluation.objects.update(next_run_at=self.now)
        assert evaluation.evaluate(self.workspace, now=self.now)

    @property
    def alerts(self):
        return self.workspace.alerts.order_by("pk")

    @property
    def outbox(self):
        return list(Notification.objects.filter(workspace=self.workspace).order_by("pk"))


@pytest.fixture
def watch(workspace, owner, monkeypatch):
    monkeypatch.setattr(database_clock, "now", timezone.now)  # PostgreSQL's own cannot be moved
    # In the past: a reading that is dated after the database's clock counts as now.
    with time_machine.travel(timezone.now() - timedelta(days=200)) as clock:
        yield Watch(workspace, clock)


@pytest.fixture
def send():
    """Send what is due as the worker does, waits skipped."""

    def run(*, later=False):
        if later:
            Notification.objects.filter(state="queued").update(next_attempt_at=timezone.now())
        return outbox.send_due()

    return run


@pytest.fixture
def recipient(workspace):
    return Recipient.objects.create(workspace=workspace, address="finance@example.test")


@pytest.fixture
def go(client, workspace):
    """Ask for a page of alerts as somebody; with data, POST."""

    def ask(user, name, *arguments, data=None):
        client.force_login(user)
        url = reverse(f"alerts:{name}", args=[workspace.slug, *arguments])
        return client.get(url) if data is None else client.post(url, data)

    return ask


def fire(workspace, subject="", severity="warning", **facts):
    known = {"kind": "key_errors", "rule_name": "Many errors", "headline": f"{subject}: many errors", "state": "firing"}
    now = timezone.now()
    times = {"started_at": now, "fired_at": now, "evaluated_at": now}
    return Alert.objects.create(
        workspace=workspace, subject=subject, subject_label=subject, severity=severity, **known | times | facts
    )


@pytest.fixture
def other_workspace(db):
    return Workspace.objects.create(name="Other", slug="other", base_url="http://127.0.0.1:9")
