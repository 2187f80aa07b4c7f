"""Unlinks identities of the company's identity provider from accounts."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from core import clock
from workspaces.accounts import emails, passkeys
from workspaces.accounts.identities import Identity
from workspaces.accounts.sign_in_rules import is_sso_only
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, User
from workspaces.services import account_mail
from workspaces.services.people import NotPossible
from workspaces.services.sessions import end_sessions


def unlink(identity: SocialAccount, actor: Actor, session: SessionBase) -> None:
    """Unlink an identity from its account, end the account's sessions but ``session``, and e-mail its owner.

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
        return f"This is the only way in to {user.email}: the console is signed in to by single sign-on alone."
    return f"This is the only way in to {user.email}. Set a password, or add a passkey that signs in alone, first."


def _another_way_in(user: User, identity: SocialAccount) -> bool:
    if SocialAccount.objects.filter(user=user).exclude(pk=identity.pk).exists():
        return True
    if is_sso_only(user.email):
        return False
    keys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return user.has_usable_password() or any(passkeys.signs_in_alone(key) for key in keys)
