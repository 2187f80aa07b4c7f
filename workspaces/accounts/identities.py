"""Linked identities of the company's identity provider, for pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from allauth.socialaccount.models import SocialAccount
from django.conf import settings


@dataclass(frozen=True)
class Identity:
    """One linked identity."""

    pk: int
    user_id: int
    provider: str
    address: str  # the email address at the last sign-in, or the provider's id if it sent none
    linked_at: datetime
    last_used_at: datetime

    @classmethod
    def of(cls, account: SocialAccount) -> Self:
        """Create it from django-allauth's model."""
        answers = [said for said in account.extra_data.values() if isinstance(said, dict)]
        addresses = [said["email"] for said in answers if isinstance(said.get("email"), str)]
        address = addresses[0] if addresses else account.uid
        return cls(account.pk, account.user_id, provider_name(), address, account.date_joined, account.last_login)


def provider_name() -> str:
    """Return the identity provider's name in the settings."""
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    return str(apps[0]["name"]) if apps else "single sign-on"
