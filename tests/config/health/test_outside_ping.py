"""A service outside hears of the console each minute, but only while it does its work."""

from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from alerts.mail import smtp
from alerts.models import Notification, Recipient
from config.health import liveness, outside_ping
from config.health.liveness import Liveness, LivenessProblem
from core import clock
from tests.alerts.conftest import Mailbox
from tests.console_process import free_port
from workspaces.models import AccountMail, Poll

pytestmark = pytest.mark.django_db


class Outside(BaseHTTPRequestHandler):
    """A service that hears the console; a path says with which status it answers."""

    calls: ClassVar[list] = []

    def do_POST(self):
        self.calls.append(self.path)
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()


@pytest.fixture
def called(settings, monkeypatch):
    """The paths that were called."""
    Outside.calls.clear()
    monkeypatch.setattr(liveness, "check_liveness", Liveness)
    with ThreadingHTTPServer(("127.0.0.1", 0), Outside) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.HEARTBEAT_URL = f"http://127.0.0.1:{server.server_port}/200"
        yield Outside.calls
        server.shutdown()


def late(minutes):
    return clock.now() - timedelta(minutes=minutes)


def test_it_is_called_while_all_works(called, workspace):
    Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, next_run_at=late(4))
    assert outside_ping.ping()
    assert called == ["/200"]


def test_without_the_setting_nobody_is_called(called, settings):
    settings.HEARTBEAT_URL = ""
    assert not outside_ping.ping()
    assert called == []


def test_it_is_not_called_where_the_background_work_does_not_go_on(called, monkeypatch, caplog):
    monkeypatch.setattr(liveness, "check_liveness", lambda: Liveness((LivenessProblem("alerts", "none", None),)))
    assert not outside_ping.ping()
    assert "No worker processes “alerts”" in caplog.text
    monkeypatch.setattr(liveness, "check_liveness", lambda: Liveness(is_known=False))
    assert not outside_ping.ping()
    assert called == []


def overdue_poll(workspace):
    Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, next_run_at=late(6))


def overdue_alert(workspace):
    reader = Recipient.objects.create(workspace=workspace, address="pager@example.test")
    Notification.objects.create(key="k", workspace=workspace, recipient=reader, kind="test", next_attempt_at=late(6))


def overdue_mail(_):
    AccountMail.objects.create(template="t", address="a@example.test", next_attempt_at=late(6))


@pytest.mark.parametrize("overdue", [overdue_poll, overdue_alert, overdue_mail])
def test_it_is_not_called_while_something_is_overdue(called, workspace, overdue):
    overdue(workspace)
    assert not outside_ping.ping()
    assert called == []


def test_it_is_not_called_while_the_mail_server_is_away(called, settings):
    server = Mailbox()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 5
    assert not smtp.is_reachable()
    assert not outside_ping.ping()
    server.start()
    assert outside_ping.ping()
    server.stop()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_an_answer_that_it_was_heard_counts(called, settings, caplog, status):
    settings.HEARTBEAT_URL = settings.HEARTBEAT_URL.replace("/200", f"/{status}")
    assert not outside_ping.ping()
    assert called == [f"/{status}"]
    assert f"answered {status}" in caplog.text


def test_an_address_that_cannot_be_called_is_told_without_it(called, settings, caplog):
    settings.HEARTBEAT_URL = "http://hc.example.test:port/secret-uuid"
    assert not outside_ping.ping()
    assert "InvalidURL" in caplog.text
    assert "secret-uuid" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_a_service_that_is_away_is_told_without_its_address(called, settings, caplog, host):
    settings.HEARTBEAT_URL = f"http://{host}:{free_port()}/secret-uuid"
    assert not outside_ping.ping()
    assert "ConnectError" in caplog.text
    assert "secret-uuid" not in caplog.text
