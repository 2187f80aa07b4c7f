"""The e-mails about people: one function and three templates (subject, text, HTML) each."""

from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from workspaces.models import Invitation, User

log = structlog.get_logger(__name__)


def send_invitation(invitation: Invitation, token: str) -> None:
    """Mail the one link that accepts ``invitation``. Raises OSError or SMTPException when the mail is not taken."""
    url = f"{settings.PUBLIC_URL}{reverse('workspaces:invitation', args=[token])}"
    _send("invitation", invitation.email, {"invitation": invitation, "url": url})


def send_mfa_reset(user: User) -> None:
    """Tell somebody that a site admin took away their second factors; a mail server that is down is only logged."""
    try:
        _send("mfa_reset", user.email, {"user": user, "url": f"{settings.PUBLIC_URL}{reverse('account_login')}"})
    except (OSError, SMTPException) as error:
        log.warning("mail_not_sent", mail="mfa_reset", error=str(error))


def _send(name: str, to: str, context: dict[str, Any]) -> None:
    base = f"workspaces/email/{name}"
    context = {**context, "public_url": settings.PUBLIC_URL}
    # A subject is one line, whatever a name in it holds.
    subject = " ".join(render_to_string(f"{base}_subject.txt", context).split())
    message = EmailMultiAlternatives(subject, render_to_string(f"{base}_message.txt", context), to=[to])
    message.attach_alternative(render_to_string(f"{base}_message.html", context), "text/html")
    message.send()
