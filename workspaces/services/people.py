"""Creates accounts of invited people, unlinks identities; site admins deactivate, reactivate and recover accounts."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from core import clock
from core.email_addresses import normalize_email
from workspaces import rights
from workspaces.accounts import emails, passkeys
from workspaces.accounts.identities import Identity
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Invitation, User, Workspace
from workspaces.services import account_mail, members
from workspaces.services.sessions import end_sessions


class NotPossible(Exception):
    """The command would break a rule; the message says which, and what to do."""


def open_account(actor: Actor, email: str, name: str, password: str | None = None) -> User:
    """Create an account for a verified email address; without a password the person must add a passkey next."""
    with transaction.atomic():
        user = User.objects.create_user(email, password, name=name)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        own = Actor(user, actor.ip_address, actor.user_agent, actor.request_id)
        record_event(Action.ACCOUNT_OPENED, own, subject=(str(user.pk), user.email))
    return user


def join(invitation: Invitation, actor: Actor, *, name: str, password: str | None) -> User:
    """Create an account and accept the invitation with it. Raises MembershipRefused if the invitation is not open."""
    with transaction.atomic():
        # If the form is submitted twice at once, the second request waits here and finds the invitation accepted.
        Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        if not Invitation.objects.open().filter(pk=invitation.pk).exists():
            raise members.MembershipRefused("This invitation was accepted, was revoked or has expired.")
        user = open_account(actor, invitation.email, name, password)
        own = Actor(user, actor.ip_address, actor.user_agent, actor.request_id)
        members.accept_invitation(invitation, user, own)
    return user


def account_for_identity(email: str, name: str) -> User | None:
    """Return the active account with this verified email address; create one for an invited person.

    A new account accepts its open invitations at once, because the identity provider verifies the email address as
    well as the link in an invitation does.
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
        return None  # an invitation ended meanwhile


def _joined(email: str, name: str, invitations: list[Invitation]) -> User:
    with transaction.atomic():
        user = open_account(Actor(), email, name)
        for invitation in invitations:
            members.accept_invitation(invitation, user, Actor(user))
    return user


def deactivate(user: User, actor: Actor) -> None:
    """Deactivate an account, and end all that it holds.

    Raises NotPossible for one's own account, and PermissionDenied if the actor is no longer a site admin.
    """
    if actor.user is not None and actor.user.pk == user.pk:
        raise NotPossible("You can't deactivate your own account. Ask another site admin.")
    with transaction.atomic():
        rights.lock_users(user, actor.user)
        rights.require_site_admin(actor)
        subject = (str(user.pk), user.email)
        endings = rights.end_holdings(loss_of_account(user, actor))
        User.objects.filter(pk=user.pk).update(is_active=False)
        record_event(Action.ACCOUNT_DEACTIVATED, actor, subject=subject, **rights.audit_details(endings))


def loss_of_account(user: User, actor: Actor) -> rights.Loss:
    """Return what the user loses by being deactivated: everything, everywhere."""
    return rights.Loss(user, None, None, actor.user, f"{user.email} is deactivated")


def reactivate(user: User, actor: Actor) -> None:
    """Reactivate an account with the roles it had. What ended with the deactivation stays ended."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        record_event(Action.ACCOUNT_REACTIVATED, actor, subject=(str(user.pk), user.email))


def reset_mfa(user: User, actor: Actor) -> None:
    """Delete the second factors of somebody who lost theirs, end their sessions, and send them an email."""
    if actor.user is not None and actor.user.pk == user.pk:
        raise NotPossible("Manage your own second factors on the “Security” page.")
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        end_sessions(user)
        record_event(Action.MFA_RESET, actor, subject=(str(user.pk), user.email))
        account_mail.queue(emails.MFA_RESET, user.email)


def unlink_identity(identity: SocialAccount, actor: Actor, session: SessionBase) -> None:
    """Unlink an identity from its account, end the account's sessions but ``session``, and email its owner.

    Raises NotPossible if it is the only way to sign in.
    """
    user = identity.user
    by_owner = actor.user is not None and actor.user.pk == user.pk
    facts = {"ip": actor.ip_address, "user_agent": actor.user_agent} if by_owner else {"by": str(actor.user)}
    with transaction.atomic():
        # Locked, because two concurrent calls would each count on the other's identity.
        User.objects.select_for_update().get(pk=user.pk)
        if not _another_way_in(user, identity):
            raise NotPossible(_only_way_in(user))
        address = Identity.of(identity).address
        identity.delete()
        end_sessions(user, but=session)
        record_event(Action.SSO_UNLINKED, actor, subject=(str(user.pk), user.email), identity=address)
        account_mail.queue(emails.UNLINKED, user.email, timestamp=clock.cached_now().isoformat(), **facts)


def _only_way_in(user: User) -> str:
    if is_sso_only(user.email):
        return f"This is the only way to sign in as {user.email}: the console only allows single sign-on."
    return f"This is the only way to sign in as {user.email}. Set a password or add a passwordless passkey first."


def _another_way_in(user: User, identity: SocialAccount) -> bool:
    if SocialAccount.objects.filter(user=user).exclude(pk=identity.pk).exists():
        return True
    if is_sso_only(user.email):
        return False
    keys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return user.has_usable_password() or any(passkeys.signs_in_alone(key) for key in keys)
