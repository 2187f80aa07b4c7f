from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone

from core import clock

FIRST_MAIL_WAIT, LONGEST_MAIL_WAIT, MAIL_GIVEN_UP_AFTER = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless ``value`` is a name such as Europe/Vienna."""
    if value not in available_timezones():
        raise ValidationError(f"“{value}” isn't a time zone. Enter a name such as Europe/Vienna.")


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
    """Creates users, who are identified by email address."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new user; without a password the user cannot sign in with one."""
        if not email:
            raise ValueError("An account needs an email address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new site admin, who sees every workspace. Called from the command line and by the first start.

        Raises ValidationError for an invalid password; Django's own command runs the validators only in part.
        """
        if password is not None:
            validate_password(password, self.model(email=email, **fields))
        with transaction.atomic(using=self._db):
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            site_admin_made.send(self.model, user=user)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Look up a user by email address, ignoring case."""
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
        """Return the name, or else the email address."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the name, or else the part of the email address before the @."""
        return self.name or self.email.partition("@")[0]


@dataclass(frozen=True)
class Limits:
    """How long sessions last: minutes without activity, and hours in all."""

    idle_minutes: int
    hours: int


class SessionLimits(models.Model):
    """The session limits of site admins, who can only tighten those of the settings. One row, or none."""

    idle_minutes = models.PositiveIntegerField()
    hours = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.idle_minutes} minutes idle, {self.hours} hours"

    @classmethod
    def in_force(cls) -> Limits:
        """Return the limits for sessions that begin now."""
        row, most = cls.objects.first(), cls.most()
        if row is None:
            return most
        return Limits(min(row.idle_minutes, most.idle_minutes), min(row.hours, most.hours))

    @staticmethod
    def most() -> Limits:
        """Return the limits of the settings."""
        return Limits(settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS)


class AccountMailQuerySet(models.QuerySet["AccountMail"]):
    """Queries on the waiting emails about accounts."""

    def due(self, now: datetime) -> "AccountMailQuerySet":
        """Return the emails to send now, oldest first."""
        return self.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk")


class AccountMail(models.Model):
    """An email about an account, to be composed and sent by a worker. The row is deleted once the mail server has it.

    It holds no secret: the link to reset a password is created when the email is composed, and only if the address has
    an account. So the request takes equally long with and without an account.
    """

    template = models.CharField(max_length=100)  # renders the subject and the bodies
    address = models.CharField(max_length=254)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.cached_now)
    next_attempt_at = models.DateTimeField(default=clock.cached_now, db_index=True)
    attempt_count = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(AccountMailQuerySet)()

    def __str__(self) -> str:
        return f"{self.template} to {self.address}"

    def claim(self, now: datetime) -> bool:
        """Claim it for one attempt; only one worker gets True. If that worker dies, another tries after the wait."""
        wait = min(FIRST_MAIL_WAIT * 2**self.attempt_count, LONGEST_MAIL_WAIT)
        unclaimed = AccountMail.objects.filter(pk=self.pk, attempt_count=self.attempt_count)
        return unclaimed.update(attempt_count=F("attempt_count") + 1, next_attempt_at=now + wait) == 1

    def is_too_old(self, now: datetime) -> bool:
        """Return whether it has waited so long that it would only confuse its recipient."""
        return self.created_at < now - MAIL_GIVEN_UP_AFTER


clock.register(AccountMail, past=("created_at",), due=("next_attempt_at",))
