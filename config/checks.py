"""Checks of ``manage.py check --deploy`` in addition to Django's own.

They cover the connections to Redis and the database, and signing in while the identity provider is down.
"""

from urllib.parse import parse_qs, urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Info, Tags, Warning, register  # noqa: A004 - Django's names
from django.db import DatabaseError

from workspaces.accounts import passkeys

_HERE = {"", "localhost", "127.0.0.1", "::1"}
_TLS = {"require", "verify-ca", "verify-full"}


@register(Tags.security, deploy=True)
def check_redis(**_: object) -> list[CheckMessage]:
    """Warn about a Redis without a password or, on another machine, without TLS."""
    parts = urlsplit(settings.REDIS_URL)
    open_to_all = not (parts.password or parse_qs(parts.query).get("password"))
    if parts.scheme == "unix" or parts.hostname in _HERE:
        hint = "Set a password, or use a socket that only the console's account can open."
        note = "REDIS_URL has no password: every account on this machine that can reach Redis can send it commands."
        bundled = settings.ENVIRONMENT.bundled_redis
        return [Info(note, hint=hint, id="config.I001")] if open_to_all and not bundled else []
    found: list[CheckMessage] = []
    if open_to_all:
        note = "REDIS_URL has no password and points to another machine: anyone who reaches Redis can send tasks."
        found.append(Warning(note, hint="Set requirepass and use rediss://:password@host.", id="config.W001"))
    if parts.scheme != "rediss":
        note = "REDIS_URL points to another machine without TLS: its password and data can be intercepted."
        found.append(_tls_warning(parts.hostname, note, "Use rediss://.", 2))
    return found


@register(Tags.security, deploy=True)
def check_database_tls(**_: object) -> list[CheckMessage]:
    """Warn about a database on another machine that may be accessed without TLS."""
    database = settings.DATABASES["default"]
    host = str(database.get("HOST") or "")
    if host in _HERE or host.startswith("/") or database.get("OPTIONS", {}).get("sslmode") in _TLS:
        return []
    note = "DATABASE_URL points to another machine and doesn't require TLS."
    return [_tls_warning(host, note, "Add ?sslmode=verify-full, or require, to it.", 3)]


def _tls_warning(host: str | None, note: str, hint: str, number: int) -> CheckMessage:
    """Return a warning, or only a note for a host without a dot, as in a container network (deploy/compose.yaml)."""
    if host and ("." in host or ":" in host):
        return Warning(note, hint=hint, id=f"config.W{number:03}")
    return Info(note, hint=hint, id=f"config.I{number:03}")


@register(Tags.security, deploy=True)
def check_emergency_account(**_: object) -> list[CheckMessage]:
    """Warn if single sign-on is the only way in and the emergency account cannot sign in."""
    address = settings.SSO_ONLY_EXCEPT
    if not address:
        return []
    try:
        account = get_user_model().objects.filter(email__iexact=address).first()
    except DatabaseError:
        note = "Can't check whether the SSO_ONLY_EXCEPT account can sign in: the database isn't responding."
        return [Info(note, id="config.I004")]
    if account is None:
        problem, hint = (
            "names an unknown account",
            "Create it with `manage.py createsuperuser`, or enter another account.",
        )
    elif not account.is_active:
        problem, hint = "names a deactivated account", "Ask a site admin to reactivate it, or enter another account."
    elif not (account.has_usable_password() or _has_passkey_alone(account)):
        problem = "names an account without a password or passwordless passkey"
        hint = "Set a password with `manage.py changepassword`."
    else:
        return []
    note = f"SSO_ONLY_EXCEPT {problem}: no one can sign in while the identity provider is down."
    return [Warning(note, hint=hint, id="config.W004")]


def _has_passkey_alone(account: object) -> bool:
    keys = Authenticator.objects.filter(user=account, type=Authenticator.Type.WEBAUTHN)
    return any(passkeys.signs_in_alone(key) for key in keys)
