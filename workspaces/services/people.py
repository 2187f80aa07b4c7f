"""Accounts: opened by invitations, closed and helped by site admins."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from core.email_addresses import normalize_email
from workspaces import rights
from workspaces.accounts import emails
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Invitation, User, Workspace
from workspaces.services import account_mail, members
from workspaces.services.sessions import end_sessions


class NotPossible(Exception):
    """What was asked for would break a rule; the message says which and what to do."""


def open_account(actor: Actor, email: str, name: str, password: str | None = None) -> User:
    """Return a new account for an address whose owner proved it; without a password a passkey has to follow."""
    with transaction.atomic():
        user = User.objects.create_user(email, password, name=name)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        own = Actor(user, actor.ip_address, actor.user_agent, actor.request_id)
        record_event(Action.ACCOUNT_OPENED, own, subject=(str(user.pk), user.email))
    return user


def join(invitation: Invitation, actor: Actor, *, name: str, password: str | None) -> User:
    """Return a new account that is a member already. Raises MembershipRefused when the invitation is over."""
    with transaction.atomic():
        # Whoever sends the form twice at once waits here, and then finds it accepted.
        Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        if not Invitation.objects.open().filter(pk=invitation.pk).exists():
            raise members.MembershipRefused("This invitation was accepted or revoked meanwhile, or has run out.")
        user = open_account(actor, invitation.email, name, password)
        own = Actor(user, actor.ip_address, actor.user_agent, actor.request_id)
        members.accept_invitation(invitation, user, own)
    return user


def account_for_identity(email: str, name: str) -> User | None:
    """Return the active account with this proved address; open one for somebody who is invited.

    Their open invitations are accepted at once: the identity provider vouches for the address as an e-mail's link does.
    """
    alike = User.objects.filter(email__iexact=email)
    user = next((one for one in alike if normalize_email(one.email) == normalize_email(email)), None)
    if user is not None:
        return user if user.is_active else None
    invited = Invitation.objects.open().vouched_for().filter(email__iexact=email).select_related("workspace")
    waiting = [one for one in invited if normalize_email(one.email) == normalize_email(email)]
    if not waiting:
        return None
    try:
        return _joined(email, name[:120], waiting)
    except members.MembershipRefused:
        return None  # it ended while it was being accepted


def _joined(email: str, name: str, invitations: list[Invitation]) -> User:
    with transaction.atomic():
        user = open_account(Actor(), email, name)
        for invitation in invitations:
            members.accept_invitation(invitation, user, Actor(user))
    return user


def deactivate(user: User, actor: Actor) -> None:
    """Close an account, and end all that it holds.

    Raises NotPossible for one's own, and PermissionDenied for who is no site admin any more.
    """
    if actor.user is not None and actor.user.pk == user.pk:
        raise NotPossible("You cannot deactivate your own account. Another site admin can.")
    with transaction.atomic():
        rights.lock_users(user, actor.user)
        rights.require_site_admin(actor)
        subject = (str(user.pk), user.email)
        endings = rights.end_holdings(loss_of_account(user, actor))
        User.objects.filter(pk=user.pk).update(is_active=False)
        record_event(Action.ACCOUNT_DEACTIVATED, actor, subject=subject, **rights.audit_details(endings))


def loss_of_account(user: User, actor: Actor) -> rights.Loss:
    """Return what somebody loses whose account is deactivated: everything, everywhere."""
    return rights.Loss(user, None, None, actor.user, f"{user.email} is deactivated")


def reactivate(user: User, actor: Actor) -> None:
    """Open a closed account again, with the roles it had. What ended when it was closed stays ended."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        record_event(Action.ACCOUNT_REACTIVATED, actor, subject=(str(user.pk), user.email))


def reset_mfa(user: User, actor: Actor) -> None:
    """Take away every second factor of somebody who lost theirs, end their sessions, and tell them by e-mail."""
    if actor.user is not None and actor.user.pk == user.pk:
        raise NotPossible("You manage your own second factors on the page “Security”.")
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        end_sessions(user)
        record_event(Action.MFA_RESET, actor, subject=(str(user.pk), user.email))
        account_mail.queue(emails.MFA_RESET, user.email)
