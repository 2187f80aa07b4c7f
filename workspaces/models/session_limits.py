from dataclasses import dataclass

from django.conf import settings
from django.db import models


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
