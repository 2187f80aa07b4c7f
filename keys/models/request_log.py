from django.db import models

from keys.models.key import ApiKey

# The User-Agent of every call the console makes begins so, which tells them from the customer's traffic.
OWN_USER_AGENT = "cleanlist-console/"


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
