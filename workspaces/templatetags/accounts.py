"""Filters about how accounts are signed in to."""

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
    """Return whether a passkey may sign in without the password."""
    return passkeys.signs_in_alone(passkey)


@register.filter
def is_signed_in_elsewhere(user: User) -> bool:
    """Return whether somebody has more sessions than the one that asks."""
    return len(sessions.sessions_of(user)) > 1


@register.filter
def identities(accounts: Iterable[SocialAccount]) -> list[Identity]:
    """Return rows for linked identities, as django-allauth stores them."""
    return [Identity.of(account) for account in accounts]
