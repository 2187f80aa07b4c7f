"""A small edition of bench/alert_chaos.py: crashes at every seam, and no e-mail lost or doubled."""

import itertools
import random
from collections import Counter

import pytest
from django.utils import timezone

from alerts.engine.change_writer import ChangeWriter
from alerts.mail import outbox
from alerts.models import Evaluation, Notification, SendingTurn
from alerts.services.notifications import NotificationWriter

pytestmark = pytest.mark.django_db

CRASHES = (
    (ChangeWriter, "apply"),  # after the lease is acquired, in the evaluation's transaction
    (NotificationWriter, "flush"),  # at the end of that transaction, with everything written
    (outbox, "_attempt"),  # leased, not sent
    (outbox, "_store_result"),  # sent, not recorded
)


class Killed(BaseException):
    """What a SIGKILL is to a worker, as far as a test can have it."""


def killed(*_, **__):
    raise Killed


@pytest.fixture
def crash(monkeypatch):
    """Do something with a crash at one of the seams, before or after what the seam does."""

    def run(work, seam, *, late):
        owner, name = seam
        original = getattr(owner, name)

        def dies(*arguments, **options):
            if late:
                original(*arguments, **options)
            killed()

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, dies)
            try:
                work()
            except Killed:
                return

    return run


def let_leases_run_out():
    Evaluation.objects.update(leased_until=None)
    SendingTurn.objects.update(leased_until=None)
    Notification.objects.filter(state="sending").update(leased_until=timezone.now())
    Notification.objects.filter(state="queued").update(next_attempt_at=timezone.now())


MAIL_SERVERS = ("250 OK", "drop before", "drop after", "451 later")


def test_crashes_at_every_seam_neither_lose_nor_double_an_email(watch, mailbox, send, crash):
    """Each kind of crash with each answer of the mail server once, in a mixed order."""
    watch.rule()
    rounds = list(itertools.product(CRASHES, (False, True), MAIL_SERVERS))
    random.Random(0).shuffle(rounds)
    for number, (seam, late, answer) in enumerate(rounds):
        amount = 9000 if number % 2 else 412

        def both(amount=amount):
            watch.balance(amount)
            send()

        mailbox.at_data = [answer]
        crash(both, seam, late=late)
        let_leases_run_out()
        mailbox.at_data = []
        watch.evaluate()
        while Notification.objects.unsent().exists():
            let_leases_run_out()
            send()
    arrived = Counter(mailbox.ids)
    owed = set(Notification.objects.values_list("message_id", flat=True))
    assert set(arrived) == owed
    assert len(owed) == len(rounds)
    assert watch.alerts.filter(state="resolved").count() == len(rounds) // 2
