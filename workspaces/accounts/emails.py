"""Emails about accounts. Each has a name and up to three templates: subject, text and HTML."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from core.http import Context
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.models import Invitation, User

INVITATION = "workspaces/email/invitation"
ENROLMENT = "account/email/enrolment"
UNLINKED = "socialaccount/email/account_disconnected"
MFA_RESET = "workspaces/email/mfa_reset"
PASSWORD_RESET = "account/email/password_reset_key"  # noqa: S105 - a template


def compose(template: str, address: str, facts: Context) -> Iterator[EmailMultiAlternatives]:
    """Yield the messages of a queued email.

    There are none for a password reset without an account, nor for an invitation that ended meanwhile.
    """
    context = {**facts, "email": address}
    if "timestamp" in facts:
        context["timestamp"] = parse_datetime(facts["timestamp"])
    if template == INVITATION:
        yield from _invitation(facts["invitation"])
        return
    if template == ENROLMENT:
        context["enrolment_url"] = _enrolment_url(facts)
    if template != PASSWORD_RESET:
        yield _message(template, address, context)
        return
    for user in User.objects.filter(email__iexact=address, is_active=True):
        if is_sso_only(user.email):
            continue
        yield _message(template, user.email, {**context, "password_reset_url": _reset_url(user)})


def _invitation(pk: int) -> Iterator[EmailMultiAlternatives]:
    """Yield the email of an invitation. Its link is created now, because the queue must hold no secrets."""
    with transaction.atomic():
        waiting = Invitation.objects.pending().vouched_for().select_for_update(of=("self",))
        invitation = waiting.select_related("workspace", "invited_by").filter(pk=pk).first()
        if invitation is None:
            return
        token = invitation.renew_token()
        invitation.save(update_fields=["token_hash", "expires_at"])
    url = f"{settings.PUBLIC_URL}{reverse('workspaces:invitation', args=[token])}"
    yield _message(INVITATION, invitation.email, {"invitation": invitation, "url": url})


def _reset_url(user: User) -> str:
    """Return a link to set a new password. It uses PUBLIC_URL, never the host of the request."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    return f"{settings.PUBLIC_URL}{path.replace('UID-KEY', quote(key))}"


def _enrolment_url(facts: dict[str, object]) -> str:
    """Return a link that works only in the session with the nonce."""
    token = signing.dumps([facts["user"], facts["nonce"]], salt=ENROLMENT)
    return f"{settings.PUBLIC_URL}{reverse('prove_enrolment', args=[token])}"


def _message(base: str, to: str, context: dict[str, object]) -> EmailMultiAlternatives:
    context = {**context, "public_url": settings.PUBLIC_URL, "sign_in_url": _sign_in_url()}
    # A subject must be one line, whatever the names in it contain.
    subject = " ".join(render_to_string(f"{base}_subject.txt", context).split())
    message = EmailMultiAlternatives(subject, render_to_string(f"{base}_message.txt", context), to=[to])
    with suppress(TemplateDoesNotExist):  # short notices are text only
        message.attach_alternative(render_to_string(f"{base}_message.html", context), "text/html")
    return message


def _sign_in_url() -> str:
    return f"{settings.PUBLIC_URL}{reverse('account_login')}"
