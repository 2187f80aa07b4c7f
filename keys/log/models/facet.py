from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from django.db import models

from keys.models.key import ApiKey
from workspaces.models import Workspace

# The most values of a kind recorded per key. The rest are counted together under the fingerprint OTHERS, because a
# filter may match them too.
MOST_FACETS = 500
OTHERS = 0


@lru_cache(maxsize=4096)
def fingerprint(value: str) -> int:
    """Return a hash by which an index finds a text of any length."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), signed=True)


class LogFacetQuerySet(models.QuerySet["LogFacet"]):
    """Queries on values that occur in the log."""

    def of(self, workspace: Workspace) -> "LogFacetQuerySet":
        return self.filter(workspace=workspace)

    def by_customer(self) -> "LogFacetQuerySet":
        """Leave out values from the console's own calls."""
        return self.filter(is_own_call=False)

    def forget_before(self, cutoff: datetime) -> None:
        """Remove values last seen before ``cutoff``: their rows are pruned."""
        self.filter(last_seen_at__lt=cutoff).delete()


class LogFacet(models.Model):
    """A path, IP address, user agent, method or status that occurs in a key's log, how often, and since when.

    This table is small, so filters are checked against it first (``keys.log.search.query_plan``): it shows at once that
    nothing matches, and rare matches are found by their column's index. Paths with ids, which are unlimited in number,
    are recorded by their beginning. Updated together with the rows (``keys.log.ingest.facets``); pruned rows stay
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
    # The key's workspace, denormalized as in the log.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    is_own_call = models.BooleanField()
    # A hash of the value, which may be too long for an index.
    fingerprint = models.BigIntegerField()
    value = models.TextField(blank=True)
    count = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = models.Manager.from_queryset(LogFacetQuerySet)()

    class Meta:
        db_table = "keys_logvalue"  # from when facets were called values
        constraints = [
            models.UniqueConstraint(fields=["key", "kind", "is_own_call", "fingerprint"], name="one_value_of_key")
        ]
        indexes = [models.Index(fields=["workspace", "kind"], name="values_of_workspace")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}: {self.count}"
