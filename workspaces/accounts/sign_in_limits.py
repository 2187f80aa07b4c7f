"""Limits on password attempts: per account and network, and separately per known device.

Guessing passwords must not lock an account's owner out. So a browser that has signed in to the account holds a signed
cookie, and attempts with it are counted for that browser only. This also helps behind an untrusted proxy, where all
people seem to have the same IP address. The cookie does not sign anybody in; stealing it gains five attempts in five
minutes.
"""

import secrets

from allauth.core.internal import ratelimit
from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from core.email_addresses import fold_email
from workspaces.models import User

NAME = "known_device"
_SALT = "console.known-device"
_YEAR = 365 * 24 * 3600


def remember(response: HttpResponseBase, user: User) -> None:
    """Set the cookie of a browser that has signed in to the account of ``user``."""
    value = signing.dumps([_fingerprint(user.email), secrets.token_hex(8)], salt=_SALT)
    response.set_cookie(
        _cookie_name(), value, max_age=_YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


def consume(request: HttpRequest, email: str) -> ratelimit.RateLimitUsage | None:
    """Count a password attempt for ``email``. Returns None after too many, else usage that a success can roll back."""
    usage = ratelimit.RateLimitUsage(usage=[])
    for action, key in _limits(request, fold_email(email)).items():
        one = ratelimit.consume(request, app="allauth.account", action=action, key=key)
        if one is None:
            return None
        usage.usage += one.usage
    return usage


def clear(request: HttpRequest, email: str) -> None:
    """Reset the attempts for ``email``, because somebody has proved that it is theirs."""
    for action, key in _limits(request, fold_email(email)).items():
        ratelimit.clear(request, app="allauth.account", action=action, key=key)


def _limits(request: HttpRequest, email: str) -> dict[str, str]:
    """Return the limits that apply, each with the key that it counts by. The numbers are in the settings."""
    if device := _known_device(request, email):
        return {"password_on_known_device": device}
    network = ratelimit.get_ip(request)
    return {"password_by_network": f"{network} {email}", "password_by_account": email}


def _known_device(request: HttpRequest, email: str) -> str | None:
    user = request.user
    if isinstance(user, User) and fold_email(user.email) == email:
        return f"session of {user.pk}"  # signed in: they confirm who they are
    try:
        account, device = signing.loads(request.COOKIES.get(_cookie_name(), ""), salt=_SALT, max_age=_YEAR)
    except (signing.BadSignature, ValueError):
        return None
    return f"{account} {device}" if constant_time_compare(account, _fingerprint(email)) else None


def _fingerprint(email: str) -> str:
    # Hashed, so that others who use the browser cannot read the email address in the cookie.
    return salted_hmac(_SALT, fold_email(email), algorithm="sha256").hexdigest()[:32]


def _cookie_name() -> str:
    return f"__Host-{NAME}" if settings.SESSION_COOKIE_SECURE else NAME
