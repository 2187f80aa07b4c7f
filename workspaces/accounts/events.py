"""What happens to accounts, written to the audit trail. Called by allauth's signals and the console's adapters."""

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

from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.models import Action, Outcome, User
from workspaces.models.user import site_admin_made
from workspaces.services import sessions

ADDED = {"totp": Action.TOTP_ADDED, "webauthn": Action.PASSKEY_ADDED, "recovery_codes": Action.RECOVERY_CODES_MADE}
REMOVED = {
    "totp": Action.TOTP_REMOVED,
    "webauthn": Action.PASSKEY_REMOVED,
    "recovery_codes": Action.RECOVERY_CODES_REMOVED,
}
LONGEST_ADDRESS = 80


def record(action: Action, request: HttpRequest, user: User | None, **facts: Any) -> None:
    """Write one event of ``user``, who need not be signed in yet; None for somebody unknown."""
    actor = Actor.of(request)
    record_event(action, Actor(user, actor.ip_address, actor.user_agent, actor.request_id), **facts)


def password_failed(request: HttpRequest, address: str) -> None:
    """Record a wrong password, at the sign-in form or when confirming."""
    if isinstance(request.user, User):
        record(Action.CONFIRMATION_FAILED, request, request.user, outcome=Outcome.REFUSED, message="Wrong password.")
        return
    tried = _address(address)
    record(
        Action.SIGN_IN_FAILED, request, None, outcome=Outcome.REFUSED, subject=("", tried), message="Wrong password."
    )


def _address(text: str) -> str:
    """Return ``text`` if it is an address. People type passwords into the wrong field, and those are not kept."""
    try:
        validate_email(text)
    except ValidationError:
        return "something that is no e-mail address"
    return text[:LONGEST_ADDRESS]


def passkey_failed(request: HttpRequest, user: User | None, message: str = "The passkey was not accepted.") -> None:
    """Record a passkey that was not accepted; ``user`` is known only after a password."""
    signed_in = isinstance(request.user, User)
    action = Action.CONFIRMATION_FAILED if signed_in else Action.SIGN_IN_FAILED
    record(action, request, user, outcome=Outcome.REFUSED, message=message)


def sso_linked(request: HttpRequest, user: User) -> None:
    """Record that an identity of the company's provider now opens this account."""
    record(Action.SSO_LINKED, request, user, subject=(str(user.pk), user.email))


@receiver(user_logged_in)
def session_begun(request: HttpRequest, **_: Any) -> None:
    """Let the limits of the session count from this sign-in."""
    request.session.begin()  # type: ignore[attr-defined]  # of our own store


@receiver(account.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Record a sign-in and how it was made, and list the session."""
    sessions.enlist(request, user)
    methods = [str(step.get("type") or step["method"]) for step in get_authentication_records(request, user)]
    record(Action.SIGNED_IN, request, user, methods=methods)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """Record a sign-out."""
    if user is not None:
        record(Action.SIGNED_OUT, request, user)


@receiver(account.password_changed)
@receiver(account.password_set)
def password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """Record a new password, and end the person's other sessions; this one has a new id."""
    sessions.end_sessions(user, but=request.session)
    sessions.enlist(request, user)
    record(Action.PASSWORD_CHANGED, request, user)


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **_: Any) -> None:
    """Record a password set by way of an e-mail, and end the person's sessions."""
    sessions.end_sessions(user, but=request.session)  # which the new password has ended, should it be theirs
    record(Action.PASSWORD_RESET, request, user)


@receiver(mfa.authenticator_added)
def authenticator_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a new second factor; that it was just used counts as a confirmation, and as its first use."""
    record(ADDED[authenticator.type], request, user, subject=_subject(authenticator))
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        authenticator.record_usage()
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type, reauthenticated=True)


@receiver(mfa.authenticator_reset)
def authenticator_reset(request: HttpRequest, user: User, **_: Any) -> None:
    """Record fresh recovery codes."""
    record(Action.RECOVERY_CODES_MADE, request, user)


@receiver(mfa.authenticator_removed)
def authenticator_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a second factor that is gone."""
    record(REMOVED[authenticator.type], request, user, subject=_subject(authenticator))


@receiver(mfa.authenticator_used)
def authenticator_used(
    request: HttpRequest, user: User, authenticator: Authenticator, *, reauthenticated: bool, **_: Any
) -> None:
    """Record a confirmation by second factor; at sign-in the event of the sign-in names it."""
    if reauthenticated:
        record(Action.CONFIRMED, request, user, methods=[authenticator.type])


@receiver(account.authentication_step_completed)
def confirmed_by_password(request: HttpRequest, user: User, method: str, **facts: Any) -> None:
    """Record a confirmation by password."""
    if method == "password" and facts.get("reauthenticated"):
        record(Action.CONFIRMED, request, user, methods=["password"])


@receiver(account.authentication_step_completed)
def proved_by_identity(request: HttpRequest, method: str, **_: Any) -> None:
    """Keep beside a sign-in by single sign-on when the provider had the person prove who they are, if it says so."""
    proved_at = getattr(request, "identity_proved_at", None)
    if method == "socialaccount" and proved_at is not None:
        *before, latest = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*before, {**latest, "proved_at": proved_at}]


@receiver(mfa.authentication_failed)
def code_failed(request: HttpRequest, user: User, *, reauthentication: bool = False, **_: Any) -> None:
    """Record a wrong code."""
    action = Action.CONFIRMATION_FAILED if reauthentication else Action.SIGN_IN_FAILED
    record(action, request, user, outcome=Outcome.REFUSED, message="Wrong code of the second factor.")


def _subject(authenticator: Authenticator) -> tuple[str, str]:
    return (str(authenticator.pk), str(authenticator) if authenticator.type == Authenticator.Type.WEBAUTHN else "")


@receiver(site_admin_made)
def _site_admin_made(user: User, **_: Any) -> None:
    record_event(Action.ACCOUNT_OPENED, CONSOLE, subject=(str(user.pk), user.email), message="Site admin.")
