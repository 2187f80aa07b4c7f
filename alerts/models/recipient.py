from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef

from core import clock
from workspaces.models import User, Workspace
from workspaces.models.user import validate_time_zone

SUMMARY_HOUR = 8  # in the recipient's own morning


class Stream(models.TextChoices):
    """A kind of e-mails that a reader can unsubscribe from; each e-mail belongs to one."""

    CRITICAL = "critical", "Critical alerts"
    WARNINGS = "warnings", "Warnings and information"
    SUMMARY = "summary", "Summary"


class RecipientQuerySet(models.QuerySet["Recipient"]):
    """Queries on recipients."""

    def with_membership(self) -> "RecipientQuerySet":
        """Add ``is_member``: whether the address belongs to somebody who may read the workspace."""
        people = User.objects.filter(is_active=True, email__iexact=OuterRef("address"))
        members = people.filter(memberships__workspace=OuterRef("workspace"))
        return self.annotate(is_member=Exists(members) | Exists(people.filter(is_superuser=True)))

    def subscribed(self) -> "RecipientQuerySet":
        """Leave out those who have ended everything."""
        return self.exclude(critical_off_at__isnull=False, warnings_off_at__isnull=False, summary_off_at__isnull=False)


class Recipient(models.Model):
    """An address that a workspace's e-mails go to, and what its reader has chosen."""

    class Summary(models.TextChoices):
        NONE = "", "No summary"
        DAILY = "daily", "Every morning"
        WEEKLY = "weekly", "Every Monday morning"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="recipients")
    address = models.EmailField(max_length=254)
    # When each stream was ended, by its reader or an owner.
    critical_off_at = models.DateTimeField(null=True)
    warnings_off_at = models.DateTimeField(null=True)
    summary_off_at = models.DateTimeField(null=True)
    # When its reader lost access to the workspace: e-mails from before are not followed up.
    left_at = models.DateTimeField(null=True)
    summary = models.CharField(max_length=8, choices=Summary.choices, blank=True, default=Summary.NONE)
    summary_at = models.DateTimeField(null=True)  # the morning that the latest summary was made for
    refused_at = models.DateTimeField(null=True)
    refusal = models.TextField(blank=True)

    # Worked out for the row where it is shown, and not stored.
    gets_none: bool
    gets_alerts: bool

    objects = models.Manager.from_queryset(RecipientQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "address"], name="one_recipient_each")]
        ordering = ["address"]

    def __str__(self) -> str:
        return self.address

    def wants(self, stream: Stream) -> bool:
        """Return whether ``stream`` was not ended."""
        return getattr(self, f"{stream.value}_off_at") is None

    def end(self, streams: Iterable[Stream], now: datetime) -> list[Stream]:
        """End ``streams``, not stored yet; return those that were not ended before."""
        ended = [stream for stream in Stream if stream in set(streams) and self.wants(stream)]
        for stream in ended:
            setattr(self, f"{stream.value}_off_at", now)
        return ended

    @property
    def ended(self) -> list[Stream]:
        """Return what was ended."""
        return [stream for stream in Stream if not self.wants(stream)]

    def gets_any(self, alerted: set[str]) -> bool:
        """Return whether it gets any e-mail: a summary, or those of rules, which notify ``alerted``."""
        return self.gets_summary or self.is_alerted(alerted)

    @property
    def gets_summary(self) -> bool:
        """Return whether a summary is chosen and was not ended."""
        return bool(self.summary and self.wants(Stream.SUMMARY))

    def is_alerted(self, alerted: set[str]) -> bool:
        """Return whether it is among ``alerted``, in lower case, and has not ended all alerts."""
        return self.address.lower() in alerted and (self.wants(Stream.CRITICAL) or self.wants(Stream.WARNINGS))

    @property
    def has_left(self) -> bool:
        """Return whether the reader lost access and chose nothing since; needs ``with_membership``."""
        return self.left_at is not None and not self.summary and not getattr(self, "is_member", False)

    def summary_due(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the latest morning whose summary is still missing."""
        if not self.summary or self.summary_off_at:
            return None
        morning = latest_morning(now, zone, weekly=self.summary == self.Summary.WEEKLY)
        return morning if self.summary_at is None or self.summary_at < morning else None


def latest_morning(now: datetime, zone: ZoneInfo, *, weekly: bool) -> datetime:
    """Return the latest eight o'clock (of a Monday) in ``zone`` that is not after ``now``."""
    local = now.astimezone(zone)
    day = local.date() - timedelta(days=local.weekday() if weekly else 0)
    morning = datetime.combine(day, time(SUMMARY_HOUR), zone)
    if morning <= local:
        return morning
    return datetime.combine(day - timedelta(days=7 if weekly else 1), time(SUMMARY_HOUR), zone)


class QuietHours(models.Model):
    """The hours of the day in which a workspace's e-mails wait for the morning, unless they are critical."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="quiet_hours")
    begin = models.TimeField()
    end = models.TimeField()
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])

    def __str__(self) -> str:
        return f"{self.begin:%H:%M} to {self.end:%H:%M}"

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone that the hours are in."""
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)

    def over_at(self, now: datetime) -> datetime | None:
        """Return when the quiet is over, or None if it is not quiet now."""
        local = now.astimezone(self.zone)
        clock = local.time()
        overnight = self.begin > self.end
        quiet = (clock >= self.begin or clock < self.end) if overnight else self.begin <= clock < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if overnight and clock >= self.begin else 0)
        # In an hour that comes twice, the end is of the same one.
        return datetime.combine(day, self.end, self.zone).replace(fold=local.fold if day == local.date() else 0)


clock.register(
    Recipient,
    past=("critical_off_at", "warnings_off_at", "summary_off_at", "left_at", "summary_at", "refused_at"),
)
