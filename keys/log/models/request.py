from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection, models
from django.db.models import F, Func, Q, Value
from django.db.models.expressions import Combinable

from core.pagination import Cursor, TimeOrderedQuerySet
from keys.log import partitions
from keys.log.ingest import facets
from keys.log.ip_addresses import Network, canonical_ip, is_canonical_ip
from keys.log.networks import in_network
from keys.models.key import ApiKey
from workspaces.models import Workspace

# The User-Agent of every call the console makes begins so; that distinguishes them from the customer's traffic.
OWN_USER_AGENT = "cleanlist-console/"


def _hash(text: Combinable) -> Func:
    return Func(text, Value(0), function="hashtextextended", output_field=models.BigIntegerField())


class LoggedRequestQuerySet(TimeOrderedQuerySet["LoggedRequest"]):
    """The questions asked of the request log."""

    def by_customer(self) -> "LoggedRequestQuerySet":
        """Leave out the console's own calls."""
        return self.filter(is_own_call=False)

    def of(self, workspace: Workspace) -> "LoggedRequestQuerySet":
        """Keep what was done with the keys of ``workspace``."""
        return self.filter(workspace=workspace)

    def with_statuses(self, codes: Iterable[int], classes: Iterable[int]) -> "LoggedRequestQuerySet":
        """Keep those answered with one of ``codes``, or with one of the ``classes``: 4 for 400 to 499."""
        wanted = Q(status_code__in=list(codes))
        for hundred in classes:
            wanted |= Q(status_code__gte=hundred * 100, status_code__lt=hundred * 100 + 100)
        return self.filter(wanted)

    def from_network(self, network: Network) -> "LoggedRequestQuerySet":
        """Keep those that came from an IP address in ``network``; a single one is found by its index."""
        if network.num_addresses == 1:
            return self.filter(ip_address=str(network.network_address))
        return self.filter(in_network("ip_address", network))

    def with_values(self, column: str, values: Collection[str]) -> "LoggedRequestQuerySet":
        """Keep those with one of ``values`` in ``column``; of paths and user agents by the index of their hashes."""
        rows = self.filter(**{f"{column}__in": values})
        if connection.vendor != "postgresql" or column not in {"path", "user_agent"}:
            return rows
        return rows.alias(hashed=_hash(F(column))).filter(hashed__in=[_hash(Value(value)) for value in values])

    def bulk_create(self, objs: Iterable["LoggedRequest"], *args: Any, **options: Any) -> list["LoggedRequest"]:
        """Store ``objs``, each with the workspace of its key, and record their facets."""
        rows = list(objs)
        for row in rows:
            row.workspace_id = row.key.workspace_id
            row.unify_address()
        partitions.ensure(row.created_at for row in rows)
        facets.record_by_key(rows)
        return super().bulk_create(rows, *args, **options)


class LoggedRequest(models.Model):
    """One row of a key's request log, kept after upstream forgets it.

    It is identified by its upstream id and its time, which never changes: should upstream use an id twice, both are
    kept. On PostgreSQL the table is partitioned by the month of ``created_at`` (``keys.log.partitions``), so there the
    time is part of the primary key too.
    """

    # Neither has an index of its own: those below begin with them.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="requests", db_index=False)
    # The key's, kept here too, so that the log of all keys is read in order of time from one index. A copy needs no
    # constraint: rows go with their key.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    upstream_id = models.CharField(max_length=200)
    method = models.CharField(max_length=16)
    path = models.TextField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    # In canonical form (``keys.log.ip_addresses``), and as upstream sent it where that differs.
    ip_address = models.CharField(max_length=64, blank=True)
    ip_address_sent = models.CharField(max_length=64, null=True)
    user_agent = models.TextField(blank=True)
    created_at = models.DateTimeField()
    is_own_call = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(LoggedRequestQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "upstream_id", "created_at"], name="one_row_a_request")]
        indexes = [
            models.Index(fields=["key", "-created_at", "-id"], name="log_of_key"),
            # Without it, finding a rare status of a busy key would read row by row.
            models.Index(fields=["key", "status_code", "-created_at", "-id"], name="log_of_key_by_status"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="log_of_workspace"),
            models.Index(fields=["workspace", "status_code", "-created_at", "-id"], name="log_of_workspace_by_status"),
            # "Who used this IP?"
            models.Index(fields=["workspace", "ip_address", "-created_at", "-id"], name="log_by_ip"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status_code}"

    def save(self, *args: Any, **options: Any) -> None:
        """Store the row with the workspace of its key, and record its facets."""
        self.workspace_id = self.key.workspace_id
        self.unify_address()
        if self._state.adding:
            partitions.ensure([self.created_at])
            facets.record(self.key_id, self.workspace_id, [self])
        super().save(*args, **options)

    def unify_address(self) -> None:
        """Give the IP address its canonical form, and keep the text that upstream sent."""
        if (address := canonical_ip(self.ip_address)) != self.ip_address:
            self.ip_address, self.ip_address_sent = address, self.ip_address

    @property
    def has_address(self) -> bool:
        """Return whether what upstream sent as the IP address is one, so that it can be filtered by."""
        return is_canonical_ip(self.ip_address)

    @property
    def cursor(self) -> Cursor:
        """Return where in the log this row stands."""
        return Cursor(self.created_at, self.pk)
