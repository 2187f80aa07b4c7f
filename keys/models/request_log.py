import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models import Q

from keys.models.key import ApiKey

# The User-Agent of every call the console makes begins so, which tells them from the customer's traffic.
OWN_USER_AGENT = "cleanlist-console/"


@dataclass(frozen=True)
class Place:
    """A place in the log, newest first: after the row of this time and id. Written into addresses."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what ``str`` wrote; None for anything else."""
        if not re.fullmatch(r"[0-9]{1,17}-[0-9]{1,18}", text):
            return None
        micros, _, pk = text.partition("-")
        try:
            return cls(datetime.fromtimestamp(int(micros) / 1_000_000, UTC), int(pk))
        except (ValueError, OverflowError, OSError):
            return None

    def __str__(self) -> str:
        return f"{round(self.at.timestamp() * 1_000_000)}-{self.pk}"


class LoggedRequestQuerySet(models.QuerySet["LoggedRequest"]):
    """The questions asked of the request log."""

    def newest_first(self) -> "LoggedRequestQuerySet":
        """Order as upstream does."""
        return self.order_by("-created_at", "-pk")

    def by_customer(self) -> "LoggedRequestQuerySet":
        """Leave out the console's own calls."""
        return self.filter(is_own_call=False)

    def own_calls(self) -> "LoggedRequestQuerySet":
        """Keep only the console's own calls."""
        return self.filter(is_own_call=True)

    def after(self, place: Place) -> "LoggedRequestQuerySet":
        """Keep what comes after ``place``, newest first: a page by keyset, as quick far down as on top."""
        # The first condition says nothing new; it is what the index is searched with.
        return self.filter(
            Q(created_at__lt=place.at) | Q(created_at=place.at, pk__lt=place.pk), created_at__lte=place.at
        )


class LoggedRequest(models.Model):
    """One row of a key's request log, kept after upstream forgets it."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="requests")
    upstream_id = models.CharField(max_length=200)
    method = models.CharField(max_length=16)
    path = models.TextField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    ip_address = models.CharField(max_length=64, blank=True)
    user_agent = models.TextField(blank=True)
    created_at = models.DateTimeField()
    is_own_call = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(LoggedRequestQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "upstream_id"], name="one_row_a_request")]
        indexes = [models.Index(fields=["key", "-created_at", "-id"], name="log_of_key")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status_code}"

    @property
    def place(self) -> Place:
        """Return where in the log this row stands."""
        return Place(self.created_at, self.pk)
