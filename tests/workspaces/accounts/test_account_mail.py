"""Emails about accounts: queued in the request, composed and sent by a worker, through a real mail server."""

import asyncio
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import clock
from tests.alerts.conftest import Mailbox
from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import sign_in
from workspaces.models import AccountMail
from workspaces.services import account_mail

pytestmark = pytest.mark.django_db
RESET = "/accounts/password/reset/"
NEW = "another long enough phrase"


class SlowMailbox(Mailbox):
    """A mail server that takes its time over every message."""

    seconds = 0.0

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self.seconds)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def mailbox(settings):
    box = SlowMailbox()
    box.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", box.port, 5
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield box
    box.stop()


def ask_for_reset(client, address):
    """Ask; return the seconds it took and the queries it made, without the address."""
    began = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        assert client.post(RESET, {"email": address})["Location"] == f"{RESET}sent/"
    return time.monotonic() - began, [query["sql"].replace(address, "…") for query in queries]


def test_asking_for_a_reset_does_the_same_work_whether_an_account_has_the_address(client, mailbox, viewer):
    unknown = f"{'x' * (len(viewer.email) - 13)}@example.test"
    works = [[sql.partition("VALUES")[0] for sql in ask_for_reset(client, to)[1]] for to in (viewer.email, unknown)]
    assert works[0] == works[1]
    assert not mailbox.messages


def test_nobody_who_asks_waits_for_the_mail_server(client, mailbox, viewer):
    mailbox.seconds = 1.0
    for address in (viewer.email, "nobody@example.test"):
        seconds, _ = ask_for_reset(client, address)
        assert seconds < mailbox.seconds
    account_mail.send_due()
    assert [message.envelope_to for message in mailbox.messages] == [[viewer.email]]


def test_what_waits_holds_no_link_and_nothing_of_it_reaches_redis(
    client, mailbox, viewer, redis, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        ask_for_reset(client, viewer.email)
    (row,) = AccountMail.objects.values()
    assert row["facts"] == {}
    tasks = redis.lrange("alerts", 0, -1)
    assert b"workspaces.tasks.send_account_mail" in tasks[0]
    assert viewer.email.encode() not in b"".join(tasks)


def test_the_link_in_it_works_and_the_row_is_gone(client, mailbox, viewer):
    ask_for_reset(client, viewer.email.upper())
    account_mail.send_due()
    link = next(word for word in mailbox.messages[0].get_content().split() if "/password/reset/key/" in word)
    form = client.get(link.removeprefix("http://localhost:8000"))["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    account_mail.send_due()
    assert mailbox.subjects[-1] == "Your password was reset"
    assert sign_in(client, viewer, NEW)["Location"] == "/w/example-works/"
    assert not AccountMail.objects.exists()


def test_the_notice_says_when_and_from_where_it_happened(client, mailbox, viewer):
    client.force_login(viewer)
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        client.post(
            "/accounts/password/change/",
            {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
            headers={"user-agent": "Firefox"},
        )
    account_mail.send_due()
    text = mailbox.messages[0].get_content()
    for fact in ("1 March 2026, 12:00 UTC", "127.0.0.1", "Firefox", "http://localhost:8000"):
        assert fact in text


@contextmanager
def later(span):
    """Let the database's clock, by which mail is due, be ``span`` ahead."""
    now = clock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: now() + span)
        yield


def test_a_mail_server_that_is_down_neither_betrays_nor_loses_it(client, mailbox, viewer):
    mailbox.stop()
    ask_for_reset(client, viewer.email)
    assert account_mail.send_due() == 0
    mailbox.start()
    assert account_mail.send_due() == 0  # not at once again
    with later(timedelta(minutes=2)):
        assert account_mail.send_due() == 1
    assert [message.envelope_to for message in mailbox.messages] == [[viewer.email]]


def test_a_worker_that_dies_while_sending_loses_nothing(client, mailbox, viewer):
    ask_for_reset(client, viewer.email)
    assert AccountMail.objects.get().claim(timezone.now())
    assert not account_mail.send_due()
    with later(timedelta(minutes=2)):
        assert account_mail.send_due() == 1
    assert len(mailbox.messages) == 1


def test_two_workers_do_not_send_the_same_mail(client, viewer):
    ask_for_reset(client, viewer.email)
    one, other = AccountMail.objects.get(), AccountMail.objects.get()
    assert [one.claim(timezone.now()), other.claim(timezone.now())] == [True, False]


def test_a_refused_address_is_not_tried_again_and_keeps_nobody_waiting(client, mailbox, viewer, owner):
    mailbox.at_recipient[viewer.email] = "550 5.1.1 no such user"
    for person in (viewer, owner):
        ask_for_reset(client, person.email)
    assert account_mail.send_due() == 2
    assert [message.envelope_to for message in mailbox.messages] == [[owner.email]]
    assert not AccountMail.objects.exists()


def test_after_a_day_of_trying_it_is_given_up(client, mailbox, viewer):
    mailbox.stop()
    ask_for_reset(client, viewer.email)
    with later(timedelta(hours=25)):
        account_mail.send_due()
    assert not AccountMail.objects.exists()


@pytest.mark.parametrize("closed", [True, False])
def test_who_cannot_sign_in_gets_no_link(client, mailbox, viewer, closed):
    ask_for_reset(client, viewer.email)
    if closed:
        type(viewer).objects.filter(pk=viewer.pk).update(is_active=False)
    account_mail.send_due()
    assert len(mailbox.messages) == (0 if closed else 1)
