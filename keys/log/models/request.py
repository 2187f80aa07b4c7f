from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection, models
from django.db.models import F, Func, Q, Value
from django.db.models.expressions import Combinable

from core.pagination import Cursor, PagedRow, TimeOrderedQuerySet
from keys.log.canonical import Network, canonical_ip, in_network, is_canonical_ip
from keys.log.models import facet, partitions
from keys.models.key import ApiKey
from workspaces.models import Workspace

# Every User-Agent of the console begins like this, which distinguishes its calls from the customer's.
OWN_USER_AGENT = "cleanlist-console/"


def _hash(text: Combinable) -> Func:
    return Func(text, Value(0), function="hashtextextended", output_field=models.BigIntegerField())


class LoggedRequestQuerySet(TimeOrderedQuerySet["LoggedRequest"]):
    """Queries on the request log."""

    def by_customer(self) -> "LoggedRequestQuerySet":
        return self.filter(is_own_call=False)

    def of(self, workspace: Workspace) -> "LoggedRequestQuerySet":
        return self.filter(workspace=workspace)

    def with_statuses(self, codes: Iterable[int], classes: Iterable[int]) -> "LoggedRequestQuerySet":
        """Filter by status ``codes`` or ``classes``: 4 stands for 400 to 499."""
        wanted = Q(status_code__in=list(codes))
        for hundred in classes:
            wanted |= Q(status_code__gte=hundred * 100, status_code__lt=hundred * 100 + 100)
        return self.filter(wanted)

    def from_network(self, network: Network) -> "LoggedRequestQuerySet":
        """Filter by IP addresses in ``network``; a single address uses the index."""
        if network.num_addresses == 1:
            return self.filter(ip_address=str(network.network_address))
        return self.filter(in_network("ip_address", network))

    def with_values(self, column: str, values: Collection[str]) -> "LoggedRequestQuerySet":
        """Filter by ``values`` in ``column``; paths and user agents are compared by their indexed hashes."""
        rows = self.filter(**{f"{column}__in": values})
        if connection.vendor != "postgresql" or column not in {"path", "user_agent"}:
            return rows
        return rows.alias(hashed=_hash(F(column))).filter(hashed__in=[_hash(Value(value)) for value in values])

    def bulk_create(self, objs: Iterable["LoggedRequest"], *args: Any, **options: Any) -> list["LoggedRequest"]:
        """Store ``objs``, each with its key's workspace, and record their facets."""
        rows = list(objs)
        for row in rows:
            row.workspace_id = row.key.workspace_id
            row.unify_address()
        partitions.ensure(row.created_at for row in rows)
        facet.record_by_key(rows)
        return super().bulk_create(rows, *args, **options)


class LoggedRequest(PagedRow, models.Model):
    """One row of a key's request log, kept after upstream forgets it.

    A row is identified by its upstream id and its time, which never changes: if upstream reuses an id, both rows are
    kept. On PostgreSQL the table is partitioned by the month of ``created_at`` (``keys.log.models.partitions``), so
    there the time is part of the primary key too.
    """

    # Neither has its own index: those below begin with them.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="requests", db_index=False)
    # The key's workspace, denormalized so that one index yields the log of all keys in order of time. It needs no
    # constraint: rows are deleted with their key.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    upstream_id = models.CharField(max_length=200)
    method = models.CharField(max_length=16)
    path = models.TextField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    # The address in canonical form (``keys.log.canonical``), and as upstream sent it if that differs.
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
            # Without this index, finding a rare status of a busy key would scan row by row.
            models.Index(fields=["key", "status_code", "-created_at", "-id"], name="log_of_key_by_status"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="log_of_workspace"),
            models.Index(fields=["workspace", "status_code", "-created_at", "-id"], name="log_of_workspace_by_status"),
            # "Who used this IP?"
            models.Index(fields=["workspace", "ip_address", "-created_at", "-id"], name="log_by_ip"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status_code}"

    def save(self, *args: object, **options: Any) -> None:
        """Store the row with its key's workspace, and record its facets."""
        self.workspace_id = self.key.workspace_id
        self.unify_address()
        if self._state.adding:
            partitions.ensure([self.created_at])
            facet.record(self.key_id, self.workspace_id, [self])
        super().save(*args, **options)

    def unify_address(self) -> None:
        """Convert the IP address to canonical form, and keep the text that upstream sent."""
        if (address := canonical_ip(self.ip_address)) != self.ip_address:
            self.ip_address, self.ip_address_sent = address, self.ip_address

    @property
    def has_address(self) -> bool:
        """Return whether the text sent as the IP address is a valid one, so that a filter can use it."""
        return is_canonical_ip(self.ip_address)

    @property
    def cursor(self) -> Cursor:
        """Return this row's position in the log."""
        return Cursor(self.created_at, self.pk)
