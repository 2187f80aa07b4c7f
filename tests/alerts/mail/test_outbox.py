import socket
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from alerts.mail import outbox
from alerts.models import Attempt, Notification, Recipient, SendingTurn
from alerts.services import recipients
from workspaces.audit.events import CONSOLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(workspace):
    """Put a test e-mail to each address into the outbox."""

    def write(*addresses):
        return [recipients.queue_test(workspace, CONSOLE, address) for address in addresses]

    return write


def fresh(row):
    row.refresh_from_db()
    return row


def test_what_the_server_said_is_kept_with_how_long_it_took(mailbox, waiting, send):
    (row,) = waiting("finance@example.test")
    send()
    attempt = Attempt.objects.get(notification=row)
    assert (fresh(row).state, row.answer) == ("sent", "250 2.0.0 queued as 4711")
    assert (attempt.outcome, attempt.answer) == ("accepted", row.answer)
    assert attempt.duration_ms is not None


def test_a_refused_address_is_shown_and_silences_nobody_else(mailbox, waiting, send):
    mailbox.at_recipient["gone@example.test"] = "550 5.1.1 no such mailbox"
    refused, taken = waiting("gone@example.test", "finance@example.test")
    send()
    assert (fresh(refused).state, fresh(taken).state) == ("undeliverable", "sent")
    assert Recipient.objects.get(address="gone@example.test").refusal == "550 5.1.1 no such mailbox"


def test_an_address_that_works_again_is_no_longer_shown_as_refused(mailbox, waiting, send):
    mailbox.at_recipient["slow@example.test"] = "550 5.1.1 no such mailbox"
    waiting("slow@example.test")
    send()
    mailbox.at_recipient.clear()
    waiting("slow@example.test")
    send()
    assert Recipient.objects.get(address="slow@example.test").refused_at is None


def test_a_greylisting_server_is_asked_again_later(mailbox, waiting, send):
    mailbox.at_recipient["finance@example.test"] = "450 4.2.0 greylisted, come back later"
    (row,) = waiting("finance@example.test")
    send()
    assert (fresh(row).state, row.answer) == ("queued", "450 4.2.0 greylisted, come back later")
    assert row.next_attempt_at > timezone.now() + timedelta(seconds=10)
    mailbox.at_recipient.clear()
    send(later=True)
    assert fresh(row).state == "sent"


def test_a_session_that_dies_is_tried_again_with_the_same_message_id(mailbox, waiting, send):
    mailbox.at_data = ["drop before"]
    (row,) = waiting("finance@example.test")
    send()
    assert fresh(row).state == "queued"
    send(later=True)
    assert mailbox.ids == [row.message_id]


def test_a_server_that_dies_after_taking_it_gets_the_same_message_id_again(mailbox, waiting, send):
    mailbox.at_data = ["drop after"]
    (row,) = waiting("finance@example.test")
    send()
    send(later=True)
    assert mailbox.ids == [row.message_id] * 2
    assert fresh(row).state == "sent"


def test_a_hanging_server_is_given_up_after_the_timeout_and_nobody_else_is_tried(settings, waiting, send):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = *silent.getsockname(), 0.3
        waiting("one@example.test", "two@example.test")
        assert send() == 1
    assert Attempt.objects.get().answer == "The mail server did not answer in time."


def test_nothing_is_lost_while_the_server_is_down(mailbox, waiting, send):
    mailbox.stop()
    rows = waiting("one@example.test", "two@example.test")
    for _ in range(4):
        send(later=True)
    assert {fresh(row).state for row in rows} == {"queued"}
    mailbox.start()
    send(later=True)
    assert sorted(mailbox.ids) == sorted(row.message_id for row in rows)
    assert {fresh(row).state for row in rows} == {"sent"}


def test_a_worker_killed_between_accept_and_bookkeeping_repeats_only_the_same_message_id(
    mailbox, waiting, send, monkeypatch
):
    (row,) = waiting("finance@example.test")
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "_store_result", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            send()
    assert fresh(row).state == "sending"
    assert send() == 0  # not before the lease of the dead worker is over
    Notification.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    send()
    assert set(mailbox.ids) == {row.message_id}
    assert fresh(row).state == "sent"


def test_a_row_is_claimed_by_exactly_one(waiting):
    (row,) = waiting("finance@example.test")
    each = [Notification.objects.get(pk=row.pk) for _ in range(3)]
    assert [outbox._acquire(seen) for seen in each] == [True, False, False]
    assert (fresh(row).state, fresh(row).attempt_count) == ("sending", 1)


def test_only_one_worker_sends_at_a_time(mailbox, waiting, send):
    waiting("finance@example.test")
    turn, _ = SendingTurn.objects.get_or_create(pk=SendingTurn.ONLY)
    SendingTurn.objects.acquire(turn, seconds=60)
    assert send() == 0
    SendingTurn.objects.release(turn)
    assert send() == 1


def test_after_three_days_it_is_given_up(mailbox, waiting, send):
    mailbox.at_recipient["finance@example.test"] = "450 4.2.0 come back later"
    (row,) = waiting("finance@example.test")
    Notification.objects.update(created_at=timezone.now() - timedelta(days=4))
    send()
    assert fresh(row).state == "failed"


def test_without_a_mail_server_it_becomes_a_file(settings, tmp_path, waiting, send):
    settings.EMAIL_BACKEND, settings.MAIL_DIR = "config.mail.EmlFileBackend", tmp_path
    (row,) = waiting("finance@example.test")
    send()
    assert fresh(row).state == "sent"
    assert row.message_id in next(tmp_path.glob("*.eml")).read_text()


@pytest.mark.django_db(transaction=True)
def test_workers_in_parallel_send_each_message_once(mailbox, waiting):
    rows = waiting(*(f"reader-{number}@example.test" for number in range(6)))

    def work():
        for row in rows:
            outbox.send(row.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(mailbox.ids) == sorted(row.message_id for row in rows)
