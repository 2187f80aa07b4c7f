from typing import ClassVar
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.dispatch import Signal
from django.utils import timezone


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless ``value`` is a name such as Europe/Vienna."""
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is not a time zone. Use a name such as Europe/Vienna.")


# Recovery codes do not count as a second factor: they only stand in for one.
SECOND_FACTORS = ("totp", "webauthn")


def has_second_factor(user: "User | AnonymousUser") -> bool:
    """Return whether ``user`` signs in with an authenticator app or a passkey."""
    if not isinstance(user, User):
        return False
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists())


# Sent within the transaction that creates a site admin. A signal, because the audit trail imports this module.
site_admin_made = Signal()


class UserManager(BaseUserManager["User"]):
    """Creates users, who are identified by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new user; without a password the user cannot sign in with one."""
        if not email:
            raise ValueError("An account needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new site admin, who sees every workspace. Called by the command line and by the first start.

        Raises ValidationError for an invalid password; Django's own command runs the validators only in part.
        """
        if password is not None:
            validate_password(password, self.model(email=email, **fields))
        with transaction.atomic(using=self._db):
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            site_admin_made.send(self.model, user=user)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Look up a user by e-mail address, ignoring case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in to the console."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)  # noqa: TID251 - Django's own column, of accounts

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name, or else the e-mail address."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the name, or else the part of the e-mail address before the @."""
        return self.name or self.email.partition("@")[0]
