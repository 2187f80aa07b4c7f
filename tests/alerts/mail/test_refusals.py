"""Only a server's word on the address makes that undeliverable, and no server, however slow, outlasts a lease."""

import socket
import ssl
import threading
import time

import pytest
from aiosmtpd.controller import Controller

from alerts.mail import smtp
from alerts.models import Attempt, Notification, Recipient, SendingTurn
from alerts.services import recipients
from core.db import leases
from tests.alerts.conftest import Mailbox
from tests.wait import wait_until
from tests.webhooks.certificates import Authority
from workspaces.audit.events import CONSOLE

pytestmark = pytest.mark.django_db
ADDRESS = "finance@example.test"


@pytest.fixture
def row(workspace):
    """A test e-mail that waits."""
    return recipients.queue_test(workspace, CONSOLE, ADDRESS)


OF_ADDRESS = [
    "550 5.1.1 no such mailbox",
    "550 5.1.2 no such host",
    "553 5.1.3 bad syntax",
    "550 5.1.10 recipient address has null MX",
    "550 5.2.1 mailbox disabled",
    "552 5.2.2 mailbox full",
    "550 mailbox unavailable",
    "551 user not local",
    "553 mailbox name is invalid",
]
OURS = [
    "554 Relay access denied",
    "550 not authenticated",
    "550 5.7.1 relaying denied",
    "550 5.7.26 unauthenticated mail is not accepted",
    "553 5.1.8 sender's domain does not exist",
    "553 5.1.7 bad sender",
    "550 5.4.1 no answer from host",
    "554 5.3.0 something else",
    "500 what",
    "501 5.5.4 bad parameter",
    "503 5.5.1 bad sequence",
    "504 not here",
    "530 5.7.0 must sign in first",
    "550 blocked by policy",
    "550 4.1.1 of two minds",
    "450 4.2.0 greylisted",
]


@pytest.mark.parametrize(
    ("answer", "state"),
    [*((answer, "undeliverable") for answer in OF_ADDRESS), *((answer, "queued") for answer in OURS)],
)
def test_a_refusal_at_the_recipient_is_about_the_address_or_ours(mailbox, row, send, answer, state):
    mailbox.at_recipient[ADDRESS] = answer
    send()
    row.refresh_from_db()
    assert row.state == state
    assert answer in row.answer
    refused = Recipient.objects.filter(address=ADDRESS, refused_at__isnull=False)
    assert refused.exists() == (state == "undeliverable")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("554 Transaction failed", "queued"),
        ("550 mailbox unavailable", "queued"),
        ("554 5.7.1 looks like spam", "queued"),
        ("552 5.3.4 too big", "queued"),
        ("550 5.1.1 no such mailbox", "undeliverable"),
    ],
)
def test_a_refusal_of_the_message_is_ours_unless_it_names_the_address(mailbox, row, send, answer, state):
    mailbox.at_data = [answer]
    send()
    row.refresh_from_db()
    assert row.state == state


def test_what_is_ours_says_so_and_is_sent_when_it_is_put_right(mailbox, row, send):
    mailbox.at_recipient[ADDRESS] = "554 5.7.1 Relay access denied"
    send()
    row.refresh_from_db()
    assert row.answer == (
        "The mail server refused the console's message, not the address: 554 5.7.1 Relay access denied"
    )
    mailbox.at_recipient.clear()
    send(later=True)
    row.refresh_from_db()
    assert row.state == "sent"


class SlowServer:
    """A server that sends a byte now and then, and never comes to an end of it."""

    def __init__(self, greeting):
        self.greeting = greeting
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        try:
            line, _ = self.listener.accept()
        except OSError:
            return
        with line:
            line.sendall(self.greeting)
            while not self.over.wait(0.05):
                try:
                    line.sendall(b"2")
                except OSError:
                    return

    def stop(self):
        self.over.set()
        self.listener.close()
        self.thread.join()


@pytest.fixture
def slow(request, settings):
    server = SlowServer(request.param)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = *server.listener.getsockname(), 5
    settings.EMAIL_USE_TLS = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("slow", "encrypted"),
    [(b"", False), (b"220 hello\r\n250-", False), (b"\x16\x03\x03\x3f\xff", True)],
    indirect=["slow"],
    ids=["in its banner", "in its answer", "in its TLS handshake"],
)
def test_a_server_that_trickles_is_cut_off_at_the_deadline(slow, row, send, settings, monkeypatch, encrypted):
    settings.EMAIL_USE_SSL = encrypted
    monkeypatch.setattr(smtp, "DEADLINE_SECONDS", 0.5)
    began = time.monotonic()
    assert send() == 1
    assert time.monotonic() - began < 4
    assert Attempt.objects.get().answer == "The mail server did not answer in time."
    row.refresh_from_db()
    assert row.state == "queued"


@pytest.mark.django_db(transaction=True)
def test_a_session_that_lasts_keeps_the_lease_of_its_row_and_the_turn(row, send, monkeypatch):
    def leases_end():
        return Notification.objects.get().leased_until, SendingTurn.objects.get().leased_until

    def take_long(_):
        before = leases_end()
        wait_until(lambda: all(now > then for now, then in zip(leases_end(), before, strict=True)))
        return "250 OK"

    monkeypatch.setattr(leases, "EXTEND_SECONDS", 0.01)
    monkeypatch.setattr(smtp, "transmit", take_long)
    assert send() == 1
    row.refresh_from_db()
    assert row.state == "sent"
    assert leases_end() == (None, None)
    assert "lease" not in {thread.name for thread in threading.enumerate()}


def test_a_deadline_that_is_not_reached_leaves_no_thread_behind(mailbox, row, send):
    before = {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)}
    send()
    left = {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)} - before
    assert not any(thread.is_alive() and not thread.finished.is_set() for thread in left)
    row.refresh_from_db()
    assert row.state == "sent"


class EncryptedController(Controller):
    """aiosmtpd wakes its server with the server's own certificate, which is no client's."""

    def _trigger_server(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((self.hostname, self.port)) as line, context.wrap_socket(line) as encrypted:
            encrypted.recv(1)


def test_a_message_goes_over_tls_by_the_same_way(settings, row, tmp_path, send, monkeypatch):
    authority, context = Authority(tmp_path), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certify("localhost"))
    box = Mailbox()
    box.controller = EncryptedController(box, hostname="127.0.0.1", port=box.port, ssl_context=context)
    box.controller.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "localhost", box.port, 5
    settings.EMAIL_USE_SSL, settings.EMAIL_USE_TLS = True, False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    send()
    box.stop()
    row.refresh_from_db()
    assert (row.state, row.answer) == ("sent", "250 2.0.0 queued as 4711")
