from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from django.db import connection, models
from django.db.models import BooleanField, DateTimeField, ExpressionWrapper, F, Func, Q, Value
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Coalesce, TruncHour

from core.pagination import Cursor, PagedRow, TimeOrderedQuerySet
from keys.log.canonical import Network, canonical_ip, in_network, is_canonical_ip
from keys.log.models import facet, partitions
from keys.models.key import ApiKey
from workspaces.models import Workspace

# Every User-Agent of the console begins like this, which distinguishes its calls from the customer's.
OWN_USER_AGENT = "cleanlist-console/"


def _hash(text: Combinable) -> Func:
    return Func(text, Value(0), function="hashtextextended", output_field=models.BigIntegerField())


# The expression of the unique index on PostgreSQL, and its values for one id and many keys.
_ID_HASH = RawSQL(
    "hashtextextended(keys_loggedrequest.upstream_id, uuid_hash_extended(keys_loggedrequest.key_id, 0))", []
)
_ID_HASHES = "SELECT hashtextextended(%s, uuid_hash_extended(key_id, 0)) FROM unnest(%s::uuid[]) AS key_id"


def _hour(time: str | Combinable) -> TruncHour:
    """Return the expression that the indexes of values have on PostgreSQL."""
    return TruncHour(time, tzinfo=UTC)


def _hour_of(at: datetime) -> TruncHour:
    return _hour(Value(at, DateTimeField()))


class LoggedRequestQuerySet(TimeOrderedQuerySet["LoggedRequest"]):
    """Queries on the request log."""

    def by_customer(self) -> "LoggedRequestQuerySet":
        return self.filter(is_own_call=False)

    def of(self, workspace: Workspace) -> "LoggedRequestQuerySet":
        return self.filter(workspace=workspace)

    def with_upstream_id(self, name: str, keys: Collection[UUID]) -> "LoggedRequestQuerySet":
        """Return the rows of ``keys`` with exactly this id of upstream's, by one look-up in an index for each key."""
        rows = self.filter(key__in=keys, upstream_id=name)
        if connection.vendor != "postgresql":
            return rows
        return rows.alias(hashed=_ID_HASH).filter(hashed__in=RawSQL(_ID_HASHES, [name, list(keys)]))  # noqa: S611

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
        """Filter by ``values`` in ``column``; paths and user agents are found by their indexed hashes."""
        same = Q(**{f"{column}__in": values})
        if connection.vendor != "postgresql" or column not in {"path", "user_agent"}:
            return self.filter(same)
        rows = self.alias(hashed=_hash(F(column))).filter(hashed__in=[_hash(Value(value)) for value in values])
        # In this form PostgreSQL doesn't take text and hash for two conditions, of which few rows meet both.
        return rows.filter(Coalesce(ExpressionWrapper(same, BooleanField()), Value(False)))

    def by_hour(self) -> "LoggedRequestQuerySet":
        """Have the newest first by an index that ends with the hour, as those of values do on PostgreSQL.

        The order stays the same. PostgreSQL sorts the rows of one hour at a time; ``between`` tells it which hours.
        """
        return self.alias(utc_hour=_hour("created_at")) if connection.vendor == "postgresql" else self

    @property
    def _is_by_hour(self) -> bool:
        return "utc_hour" in self.query.annotations

    def between(self, start: datetime | None, end: datetime | None) -> Self:
        """Filter by a range of time, both ends included and None for an open one."""
        rows = self
        for lookup, at in (("gte", start), ("lte", end)):
            if at is not None:
                rows = rows.filter(**{f"created_at__{lookup}": at})
                rows = rows.filter(**{f"utc_hour__{lookup}": _hour_of(at)}) if self._is_by_hour else rows
        return rows

    def newest_first(self) -> Self:
        return self.order_by("-utc_hour", "-created_at", "-pk") if self._is_by_hour else super().newest_first()

    def oldest_first(self) -> Self:
        return self.order_by("utc_hour", "created_at", "pk") if self._is_by_hour else super().oldest_first()

    def in_time_order(self, *, upward: bool = False) -> Self:
        """Order only by time, newest first or ``upward``, which an index that doesn't have the row's key can do."""
        fields = ["utc_hour", "created_at"] if self._is_by_hour else ["created_at"]
        return self.order_by(*(field if upward else f"-{field}" for field in fields))

    def after(self, cursor: Cursor) -> Self:
        return super().after(cursor).between(None, cursor.at if self._is_by_hour else None)

    def before(self, cursor: Cursor) -> Self:
        return super().before(cursor).between(cursor.at if self._is_by_hour else None, None)

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
        # On PostgreSQL these are smaller (``keys.migrations.0018_smaller_log_indexes``): the unique one begins with a
        # hash of key and id, those of times end with the time, and those of values with the hour, so that equal entries
        # share their space.
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
