from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from django.db import models

from keys.models.key import ApiKey
from workspaces.models import Workspace

# The most values of a kind that are recorded for a key. The others are counted together under the fingerprint OTHERS,
# because a filter may match them too.
MOST_FACETS = 500
OTHERS = 0


@lru_cache(maxsize=4096)
def fingerprint(value: str) -> int:
    """Return a number by which a text of any length is found in an index."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), signed=True)


class LogValueQuerySet(models.QuerySet["LogValue"]):
    """The questions asked of what occurs in the log."""

    def of(self, workspace: Workspace) -> "LogValueQuerySet":
        """Keep what occurs in the logs of the keys of ``workspace``."""
        return self.filter(workspace=workspace)

    def by_customer(self) -> "LogValueQuerySet":
        """Leave out what the console's own calls brought."""
        return self.filter(is_own_call=False)

    def forget_before(self, cutoff: datetime) -> None:
        """Remove what was last seen before ``cutoff``: those rows are pruned."""
        self.filter(last_seen_at__lt=cutoff).delete()


class LogValue(models.Model):
    """A path, IP address, user agent, method or status that occurs in a key's log, how often, and since when.

    There are few, so that a filter is first answered here (``keys.log.search.query_plan``): what matches nothing is
    known at once, and what matches rarely is found by the index of its column. Paths with ids, of which there is no
    end, are recorded by their beginning. Maintained with the rows (``keys.log.ingest.facets``); pruned rows stay
    counted as long as their value occurs.
    """

    class Kind(models.TextChoices):
        PATH = "path", "Path"
        BEGINNING = "beginning", "Beginning of paths with an id or a query"
        AGENT = "user_agent", "User agent"
        IP = "ip_address", "IP address"
        METHOD = "method", "Method"
        STATUS = "status_code", "Status"

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="log_values", db_index=False)
    # The key's, kept here too, as in the log.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    is_own_call = models.BooleanField()
    # Of the value, which may be longer than an index takes.
    fingerprint = models.BigIntegerField()
    value = models.TextField(blank=True)
    count = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = models.Manager.from_queryset(LogValueQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "kind", "is_own_call", "fingerprint"], name="one_value_of_key")
        ]
        indexes = [models.Index(fields=["workspace", "kind"], name="values_of_workspace")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}: {self.count}"
