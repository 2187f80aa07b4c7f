"""A service outside hears of the console each minute, but only while it does its work."""

from datetime import timedelta

import pytest

from alerts import smtp
from alerts.models import Notification, Recipient
from dashboard import liveness, outside_ping
from dashboard.liveness import Liveness, Trouble
from tests.alerts.conftest import Mailbox
from webhooks import outgoing
from workspaces import clock
from workspaces.models import AccountMail, Poll

pytestmark = pytest.mark.django_db
URL = "https://hc-ping.example.com/uuid"


@pytest.fixture
def called(settings, monkeypatch):
    """The addresses that were called, in place of a real service; everything else goes on."""
    calls = []

    def post(url, *_):
        calls.append(url)
        return outgoing.Answer(200, "", "", 1)

    settings.HEARTBEAT_URL = URL
    monkeypatch.setattr(outgoing, "post", post)
    monkeypatch.setattr(liveness, "look", Liveness)
    return calls


def late(minutes):
    return clock.now() - timedelta(minutes=minutes)


def test_it_is_called_while_all_works(called, workspace):
    Poll.objects.create(workspace=workspace, resource="balance", interval_seconds=60, next_run_at=late(4))
    assert outside_ping.ping()
    assert called == [URL]


def test_without_the_setting_nobody_is_called(called, settings):
    settings.HEARTBEAT_URL = ""
    assert not outside_ping.ping()
    assert called == []


def test_it_is_not_called_where_the_background_work_does_not_go_on(called, monkeypatch, caplog):
    monkeypatch.setattr(liveness, "look", lambda: Liveness((Trouble("alerts", "none", None),)))
    assert not outside_ping.ping()
    assert "No worker takes work from “alerts”" in caplog.text
    monkeypatch.setattr(liveness, "look", lambda: Liveness(is_known=False))
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
    assert not smtp.answers()
    assert not outside_ping.ping()
    server.start()
    assert outside_ping.ping()
    server.stop()


@pytest.mark.parametrize("url", ["https://10.0.0.5/ping", "http://hc-ping.example.com/x", "https://metadata.internal/"])
def test_an_address_inside_is_not_called(settings, monkeypatch, caplog, url):
    settings.HEARTBEAT_URL = url
    monkeypatch.setattr(liveness, "look", Liveness)
    assert not outside_ping.ping()
    assert "outside_ping_failed" in caplog.text
