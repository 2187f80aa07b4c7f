"""The queue of e-mails about accounts: written in the request, composed and sent by a worker."""

from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

import structlog
from django.db import transaction

from workspaces import clock, emails
from workspaces.models import AccountMail

log = structlog.get_logger(__name__)

BATCH = 50


def queue(template: str, address: str, **facts: Any) -> None:
    """Have a mail sent once this transaction is over. ``facts`` must be JSON and must not hold secrets."""
    from workspaces.tasks import nudge_account_mail  # noqa: PLC0415 - tasks import services

    AccountMail.objects.create(template=template, address=address[:254], facts=facts)
    transaction.on_commit(nudge_account_mail)


def send_due() -> int:
    """Send what waits; return how many rows were dealt with. Where the mail server cannot be reached, stop."""
    done = 0
    for mail in AccountMail.objects.due(clock.now())[:BATCH]:
        if not mail.claim(clock.now()):
            continue
        if not _send(mail):
            break
        done += 1
    return done


def _send(mail: AccountMail) -> bool:
    """Send one mail; False when the next one would fare no better now."""
    try:
        for message in emails.compose(mail.template, mail.address, mail.facts):
            message.send()
    except SMTPRecipientsRefused as error:
        log.warning("mail_refused", mail=mail.template, error=str(error))
    except (OSError, SMTPException) as error:
        log.warning("mail_not_sent", mail=mail.template, attempt=mail.attempt_count + 1, error=str(error))
        if mail.is_too_old(clock.now()):
            mail.delete()
        return False
    mail.delete()
    return True
