"""The account that a first start needs."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from dashboard.settings import ENVIRONMENT
from workspaces.models import User


@dataclass(frozen=True)
class FirstAdmin:
    """How to sign in. ``password`` is set only when it was made up just now: it is not kept anywhere."""

    email: str
    password: str | None = None
    warning: str | None = None


def ensure_admin() -> FirstAdmin:
    """Return the first admin, made now if there is no account at all."""
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return FirstAdmin(existing.email)
    chosen = ENVIRONMENT.console_admin_password
    password = chosen or secrets.token_urlsafe(12)
    User.objects.create_superuser(ENVIRONMENT.console_admin_email, password)
    if chosen:
        return FirstAdmin(ENVIRONMENT.console_admin_email, warning=_weakness(chosen))
    return FirstAdmin(ENVIRONMENT.console_admin_email, password)


def _weakness(password: str) -> str | None:
    try:
        validate_password(password)
    except ValidationError as error:
        return "CONSOLE_ADMIN_PASSWORD is weak: " + " ".join(error.messages)
    return None
