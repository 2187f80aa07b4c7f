"""The queue of emails about accounts: requests add to it, a worker composes and sends."""

from smtplib import SMTPException, SMTPRecipientsRefused

import structlog

from core import clock
from core.task_queue import enqueue_on_commit
from workspaces.accounts import emails
from workspaces.models import AccountMail, Invitation

log = structlog.get_logger(__name__)

BATCH = 50
REFUSED = "The mail server rejected this address. Check it or invite another one."
NOT_YET = "The mail server hasn't accepted it yet. The console will retry."
GIVEN_UP = "The mail server didn't accept it for a day. Send it again."


def queue(template: str, address: str, **facts: object) -> None:
    """Queue an email, to be sent after the commit. ``facts`` must be JSON and must not hold secrets."""
    AccountMail.objects.create(template=template, address=address[:254], facts=facts)
    enqueue_on_commit("workspaces.tasks.send_account_mail")


def invite(invitation: Invitation, *, again: bool) -> None:
    """Queue the email of an invitation. It replaces one that still waits, because only the last link is valid."""
    facts = {"invitation": invitation.pk}
    if again:
        AccountMail.objects.filter(template=emails.INVITATION, facts=facts).delete()
    queue(emails.INVITATION, invitation.email, **facts)


def send_due() -> int:
    """Send the due emails; return how many were sent or refused. Stops if the mail server is unreachable."""
    done = 0
    for mail in AccountMail.objects.due(clock.now())[:BATCH]:
        if not mail.claim(clock.now()):
            continue
        if not _send(mail):
            break
        done += 1
    return done


def _send(mail: AccountMail) -> bool:
    """Send one email; return False if the others would fail now too."""
    try:
        for message in emails.compose(mail.template, mail.address, mail.facts):
            message.send()
    except SMTPRecipientsRefused as error:
        log.warning("mail_refused", mail=mail.template, error=str(error))
        _note(mail, REFUSED)
    except (OSError, SMTPException) as error:
        log.warning("mail_not_sent", mail=mail.template, attempt=mail.attempt_count + 1, error=str(error))
        is_over = mail.is_too_old(clock.now())
        _note(mail, GIVEN_UP if is_over else NOT_YET)
        if is_over:
            mail.delete()
        return False
    else:
        _note(mail)
    mail.delete()
    return True


def _note(mail: AccountMail, problem: str = "") -> None:
    """Store the outcome of an invitation's email on the invitation, where its sender sees it."""
    if mail.template == emails.INVITATION:
        Invitation.objects.pending().note_mail(mail.facts["invitation"], problem)
