"""Template filters for sign-in methods and sessions."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django import template

from workspaces.accounts import passkeys
from workspaces.accounts.identities import Identity
from workspaces.accounts.user_agents import browser_in_words
from workspaces.models import User
from workspaces.services import sessions

register = template.Library()
register.filter("browser", browser_in_words)


@register.filter
def signs_in_alone(passkey: Authenticator) -> bool:
    return passkeys.signs_in_alone(passkey)


@register.filter
def is_signed_in_elsewhere(user: User) -> bool:
    """Return whether a user has more than one session."""
    return len(sessions.sessions_of(user)) > 1


@register.filter
def identities(accounts: Iterable[SocialAccount]) -> list[Identity]:
    """Return the linked identities as ``Identity`` rows."""
    return [Identity.of(account) for account in accounts]
