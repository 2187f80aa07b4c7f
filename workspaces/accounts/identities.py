"""Identities of the company's provider that open an account, as pages show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from allauth.socialaccount.models import SocialAccount
from django.conf import settings


@dataclass(frozen=True)
class Identity:
    """One linked identity: who vouches, for which address, since when."""

    pk: int
    user_id: int
    provider: str
    address: str  # as of the last sign-in; the provider's own id where it told none
    linked_at: datetime
    last_used_at: datetime

    @classmethod
    def of(cls, account: SocialAccount) -> Self:
        """Return the row for what django-allauth stores."""
        answers = [said for said in account.extra_data.values() if isinstance(said, dict)]
        addresses = [said["email"] for said in answers if isinstance(said.get("email"), str)]
        address = addresses[0] if addresses else account.uid
        return cls(account.pk, account.user_id, provider_name(), address, account.date_joined, account.last_login)


def provider_name() -> str:
    """Return what the operator calls the identity provider."""
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    return str(apps[0]["name"]) if apps else "single sign-on"
