"""Protects the setup of the first second factor, where one is required, by a link in an email.

A stolen password alone must not be enough to add a second factor. So people who signed in with only a password must
first open a link that is sent to the account's email address, in the same session.
"""

import secrets
from functools import wraps

from allauth.account.authentication import get_authentication_records
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core.http import redirect_to
from workspaces.accounts import emails, events
from workspaces.accounts.sign_in_rules import View
from workspaces.models import User, Workspace
from workspaces.models.user import has_second_factor
from workspaces.services import account_mail

PROVED = "reads_the_mail_of"  # session key: the user who proved in this session that they read the account's mail
_NONCE = "enrolment_nonce"
_HOUR = 3600
# Each of these proves more than knowing a password.
_STRONGER = {"socialaccount", "invitation"}


def mailbox_proved(view: View) -> View:
    """Wrap a view of allauth that sets up a second factor: ask for the link in the email first, if it is necessary."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        if isinstance(request.user, User) and _has_to_prove(request, request.user):
            return render(
                request, "mfa/enrolment.html", {"to_files": settings.EMAIL_BACKEND.endswith("EmlFileBackend")}
            )
        return view(request, *args, **options)

    return guarded


def _has_to_prove(request: HttpRequest, user: User) -> bool:
    if request.session.get(PROVED) == user.pk or has_second_factor(user):
        return False
    if any(record["method"] in _STRONGER for record in get_authentication_records(request, user)):
        return False
    visible = Workspace.objects.visible_to(user)
    return bool(settings.REQUIRE_SECOND_FACTOR) or visible.filter(requires_mfa=True).exists()


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Send the email with the link."""
    user = request.user
    if not isinstance(user, User) or not ratelimit.consume(request, action="enrolment_mail", user=user):
        messages.error(request, "Several links were already sent. Check your spam folder, or try again in an hour.")
        return redirect_to(request, reverse("mfa_index"))
    nonce = request.session[_NONCE] = secrets.token_hex(16)
    account_mail.queue(emails.ENROLMENT, user.email, user=user.pk, nonce=nonce)
    text = f"A link is on its way to {user.email}. Open it in this browser within an hour."
    return redirect_to(request, reverse("mfa_index"), text)


@never_cache
@require_safe
def prove(request: HttpRequest, token: str) -> HttpResponse:
    """Accept the link from the email, but only in the session that requested it."""
    user = request.user
    try:
        claimed = signing.loads(token, salt=emails.ENROLMENT, max_age=_HOUR)
    except signing.BadSignature:
        claimed = None
    nonce = request.session.get(_NONCE)
    if not isinstance(user, User) or nonce is None or claimed != [user.pk, nonce]:
        messages.error(request, "This link has expired or was requested in another browser. Request a new one.")
        return redirect_to(request, reverse("mfa_index"))
    del request.session[_NONCE]
    request.session[PROVED] = user.pk
    events.enrolment_proved(request, user)
    return redirect_to(request, reverse("mfa_index"), "Confirmed. Now set up a second factor.")
