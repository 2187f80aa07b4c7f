import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.core import mail

from tests.fixtures import PASSWORD
from tests.workspaces.accounts.identity_provider import IdentityProvider
from workspaces.models import AuditEvent, User
from workspaces.services import account_mail

SECRETS = {}


@pytest.fixture
def admin(db):
    """A site admin."""
    return User.objects.create_superuser("admin@example.test", PASSWORD)


@pytest.fixture
def provider(settings):
    """The company's identity provider, running on loopback."""
    running = IdentityProvider()
    app = {
        "provider_id": "sso",
        "name": "Example login",
        "client_id": running.client_id,
        "secret": running.client_secret,
        "settings": {"server_url": running.url, "oauth_pkce_enabled": True},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    yield running
    running.stop()


def sign_in(client, user, password=PASSWORD):
    return client.post("/accounts/login/", {"login": user.email, "password": password})


def with_app(user):
    """Give somebody an authenticator app and recovery codes, as if set up earlier."""
    SECRETS[user.pk] = generate_totp_secret()
    TOTP.activate(user, SECRETS[user.pk])
    RecoveryCodes.activate(user)
    return user


def code_of(user_or_secret, *, later=0):
    """The code that the app shows; ``later`` periods from now."""
    secret = SECRETS[user_or_secret.pk] if isinstance(user_or_secret, User) else user_or_secret
    return format_hotp_value(hotp_value(secret, list(counters())[1] + later))


def recovery_codes_of(user):
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()


def grow_stale(client, seconds=601):
    """Let time pass since the person last proved who they are."""
    session = client.session
    for step in session["account_authentication_methods"]:
        step["at"] -= seconds
    session.save()


def recorded(action=None):
    events = AuditEvent.objects.order_by("pk")
    return list(events.filter(action=action) if action else events)


def sent_mail():
    """Have a worker send what waits; return all mail so far."""
    account_mail.send_due()
    return mail.outbox


def link_in_mail(path):
    """The link that starts with ``path`` in the newest mail, without the host."""
    sent_mail()
    return re.search(rf"http://localhost:8000({path}\S+)", mail.outbox[-1].body).group(1)
