from dataclasses import dataclass

from django.conf import settings
from django.db import models


@dataclass(frozen=True)
class Limits:
    """How long sessions last: so many minutes without anybody there, and so many hours in any case."""

    idle_minutes: int
    hours: int


class SessionLimits(models.Model):
    """What site admins allow of sessions where that is less than the settings do: one row, or none."""

    idle_minutes = models.PositiveIntegerField()
    hours = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.idle_minutes} minutes idle, {self.hours} hours"

    @classmethod
    def in_force(cls) -> Limits:
        """Return what holds for sessions that begin now."""
        row, most = cls.objects.first(), cls.most()
        if row is None:
            return most
        return Limits(min(row.idle_minutes, most.idle_minutes), min(row.hours, most.hours))

    @staticmethod
    def most() -> Limits:
        """Return what the settings allow."""
        return Limits(settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS)
