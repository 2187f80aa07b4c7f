"""Audit events of accounts. Called by allauth's signals and the console's adapters."""

from typing import Any

from allauth.account import signals as account
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.dispatch import receiver
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from workspaces.accounts.sessions import session_of
from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.models import Action, Outcome, User
from workspaces.models.user import site_admin_made
from workspaces.request_state import state_of
from workspaces.services import sessions

ADDED = {"totp": Action.TOTP_ADDED, "webauthn": Action.PASSKEY_ADDED, "recovery_codes": Action.RECOVERY_CODES_MADE}
REMOVED = {
    "totp": Action.TOTP_REMOVED,
    "webauthn": Action.PASSKEY_REMOVED,
    "recovery_codes": Action.RECOVERY_CODES_REMOVED,
}
LONGEST_ADDRESS = 80


def record(action: Action, request: HttpRequest, user: User | None, **facts: Any) -> None:
    """Record an event of ``user``, who need not be signed in yet; None for an unknown person."""
    actor = Actor.of(request)
    record_event(action, Actor(user, actor.ip_address, actor.user_agent, actor.request_id), **facts)


def password_failed(request: HttpRequest, address: str) -> None:
    """Record a wrong password, at sign-in or when confirming."""
    if isinstance(request.user, User):
        record(Action.CONFIRMATION_FAILED, request, request.user, outcome=Outcome.REFUSED, message="Wrong password.")
        return
    tried = _address(address)
    record(
        Action.SIGN_IN_FAILED, request, None, outcome=Outcome.REFUSED, subject=("", tried), message="Wrong password."
    )


def _address(text: str) -> str:
    """Return ``text`` only if it is an email address, because people may type their password into the wrong field."""
    try:
        validate_email(text)
    except ValidationError:
        return "not an email address"
    return text[:LONGEST_ADDRESS]


def passkey_failed(request: HttpRequest, user: User | None, message: str = "The passkey was not accepted.") -> None:
    """Record a rejected passkey. ``user`` may be None at sign-in without a password."""
    signed_in = isinstance(request.user, User)
    action = Action.CONFIRMATION_FAILED if signed_in else Action.SIGN_IN_FAILED
    record(action, request, user, outcome=Outcome.REFUSED, message=message)


def recovery_codes_shown(request: HttpRequest, user: User) -> None:
    record(Action.RECOVERY_CODES_SHOWN, request, user)


def enrolment_proved(request: HttpRequest, user: User) -> None:
    record(Action.ENROLMENT_PROVED, request, user)


def sso_linked(request: HttpRequest, user: User) -> None:
    record(Action.SSO_LINKED, request, user, subject=(str(user.pk), user.email))


@receiver(user_logged_in)
def session_begun(request: HttpRequest, **_: object) -> None:
    """Start the session's limits at this sign-in."""
    session_of(request).begin()


@receiver(account.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: object) -> None:
    """Record a sign-in with its methods, and add the session to the list."""
    sessions.enlist(request, user)
    methods = [str(step.get("type") or step["method"]) for step in get_authentication_records(request, user)]
    record(Action.SIGNED_IN, request, user, methods=methods)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: object) -> None:
    """Record signing out; with another CSRF token, pages that the back button finds know of it (signed_out.js)."""
    rotate_token(request)
    if user is not None:
        record(Action.SIGNED_OUT, request, user)


@receiver(account.password_changed)
@receiver(account.password_set)
def password_changed(request: HttpRequest, user: User, **_: object) -> None:
    """Record a new password, end the person's other sessions, and list this one, which has a new key."""
    sessions.end_sessions(user, but=request.session)
    sessions.enlist(request, user)
    record(Action.PASSWORD_CHANGED, request, user)


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **_: object) -> None:
    """Record a password set by a link in an email, and end the person's sessions."""
    sessions.end_sessions(user, but=request.session)  # if this one is theirs, the new password has ended it already
    record(Action.PASSWORD_RESET, request, user)


@receiver(mfa.authenticator_added)
def authenticator_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: object) -> None:
    """Record a new second factor. Setting it up counts as a confirmation, and as its first use."""
    record(ADDED[authenticator.type], request, user, subject=_subject(authenticator))
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        authenticator.record_usage()
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type, reauthenticated=True)


@receiver(mfa.authenticator_reset)
def authenticator_reset(request: HttpRequest, user: User, **_: object) -> None:
    record(Action.RECOVERY_CODES_MADE, request, user)


@receiver(mfa.authenticator_removed)
def authenticator_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: object) -> None:
    record(REMOVED[authenticator.type], request, user, subject=_subject(authenticator))


@receiver(mfa.authenticator_used)
def authenticator_used(
    request: HttpRequest, user: User, authenticator: Authenticator, *, reauthenticated: bool, **_: object
) -> None:
    """Record a confirmation by second factor. At sign-in, ``signed_in`` records it."""
    if reauthenticated:
        record(Action.CONFIRMED, request, user, methods=[authenticator.type])


@receiver(account.authentication_step_completed)
def confirmed_by_password(request: HttpRequest, user: User, method: str, **facts: object) -> None:
    if method == "password" and facts.get("reauthenticated"):
        record(Action.CONFIRMED, request, user, methods=["password"])


@receiver(account.authentication_step_completed)
def proved_by_identity(request: HttpRequest, method: str, **_: object) -> None:
    """Store with a sign-in by single sign-on when the provider last authenticated the person, if it reports that."""
    if method == "socialaccount" and (proved_at := state_of(request).identity_proved_at) is not None:
        *before, latest = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*before, {**latest, "proved_at": proved_at}]


@receiver(mfa.authentication_failed)
def code_failed(request: HttpRequest, user: User, *, reauthentication: bool = False, **_: object) -> None:
    action = Action.CONFIRMATION_FAILED if reauthentication else Action.SIGN_IN_FAILED
    record(action, request, user, outcome=Outcome.REFUSED, message="Wrong code of the second factor.")


def _subject(authenticator: Authenticator) -> tuple[str, str]:
    return (str(authenticator.pk), str(authenticator) if authenticator.type == Authenticator.Type.WEBAUTHN else "")


@receiver(site_admin_made)
def _site_admin_made(user: User, **_: object) -> None:
    record_event(Action.ACCOUNT_OPENED, CONSOLE, subject=(str(user.pk), user.email), message="Site admin.")
