"""Prepares what the console needs before it can be used: tables, static files, an account."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command

from config.environment import ConfigurationError
from config.health.installation import check_database
from config.settings import ENVIRONMENT
from workspaces.models import User


@dataclass(frozen=True)
class FirstAdmin:
    """How to sign in. ``password`` is set only if it was just generated: it is not stored anywhere."""

    email: str
    password: str | None = None


def prepare(*, static: bool = True) -> FirstAdmin:
    """Bring database, static files and the first account up to date.

    Raises ConfigurationError for an unusable database or a weak password.
    """
    if (database := check_database()).advice:
        raise ConfigurationError(f"  DATABASE_URL: {database.text}. {database.advice}")
    call_command("migrate", interactive=False, verbosity=0)
    if static and not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
    return ensure_admin()


def ensure_admin() -> FirstAdmin:
    """Return the first site admin, created now if there is none. Raises ConfigurationError for a weak password."""
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return FirstAdmin(existing.email)
    email, chosen = ENVIRONMENT.console_admin_email, ENVIRONMENT.console_admin_password
    password = chosen or secrets.token_urlsafe(12)
    try:
        User.objects.create_superuser(email, password)
    except ValidationError as error:
        raise ConfigurationError(f"  CONSOLE_ADMIN_PASSWORD: {' '.join(error.messages)}") from None
    return FirstAdmin(email, None if chosen else password)
