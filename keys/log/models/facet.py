"""Which values occur in the log and how often, recorded so that queries can be planned before they run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import connection, models
from django.db.models import Count, Max, Min

from core.db.sql import Statement, adapt_uuid, execute_batch, json_recordset, to_json
from keys.log.canonical import path_prefix
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
    are recorded by their beginning. Updated together with the rows; pruned rows stay
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


# --- recording ------------------------------------------------------------------------------------------------

FACET_COLUMNS = ("path", "user_agent", "ip_address", "method", "status_code")
_SEEN = {
    "kind": "text", "value": "text", "is_own_call": "boolean", "count": "bigint", "first_seen_at": "timestamptz",
    "last_seen_at": "timestamptz", "fingerprint": "bigint",
}  # fmt: skip
# New values are added until the limit is reached; the rest are counted together. One page may exceed the limit.
_RECORD = """
WITH seen AS (SELECT * FROM {source}),
matched AS (
    SELECT seen.*, there.id IS NOT NULL AS is_known FROM seen LEFT JOIN keys_logvalue AS there
    ON there.key_id = %s AND there.kind = seen.kind AND there.is_own_call = seen.is_own_call
    AND there.fingerprint = seen.fingerprint
),
crowded AS (
    SELECT kind FROM (SELECT DISTINCT kind FROM matched WHERE NOT is_known) AS growing
    WHERE (SELECT count(*) FROM keys_logvalue WHERE key_id = %s AND kind = growing.kind) >= %s
),
limited AS (
    SELECT kind, value, is_own_call, count, first_seen_at, last_seen_at, fingerprint FROM matched
    WHERE is_known OR kind NOT IN (SELECT kind FROM crowded)
    UNION ALL
    SELECT kind, '', is_own_call, sum(count), min(first_seen_at), max(last_seen_at), {others} FROM matched
    WHERE NOT is_known AND kind IN (SELECT kind FROM crowded) GROUP BY kind, is_own_call
)
INSERT INTO keys_logvalue (key_id, workspace_id, {columns})
SELECT %s, %s, limited.* FROM limited WHERE true
ON CONFLICT (key_id, kind, is_own_call, fingerprint) DO UPDATE SET
    count = keys_logvalue.count + excluded.count,
    first_seen_at = {least}(keys_logvalue.first_seen_at, excluded.first_seen_at),
    last_seen_at = {greatest}(keys_logvalue.last_seen_at, excluded.last_seen_at)
"""
_PARTS = {"others": OTHERS, "columns": ", ".join(_SEEN)}
_RECORD_BY_VENDOR = {
    vendor: _RECORD.format(source=json_recordset("observed", _SEEN, vendor), **_PARTS, least=least, greatest=greatest)
    for vendor, least, greatest in (("postgresql", "least", "greatest"), ("sqlite", "min", "max"))
}


class FacetSource(Protocol):
    """The attributes of a row that facets need, whether it is stored or not."""

    @property
    def path(self) -> str: ...
    @property
    def user_agent(self) -> str: ...
    @property
    def ip_address(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def status_code(self) -> int | None: ...
    @property
    def is_own_call(self) -> bool: ...
    @property
    def created_at(self) -> datetime: ...


class ObservedValue(NamedTuple):
    """A value of one kind, how many ``times`` it occurs, and when first and last."""

    kind: str
    value: str
    is_own_call: bool
    times: int
    first_seen_at: datetime
    last_seen_at: datetime


def record(key_id: UUID, workspace_id: object, rows: Iterable[FacetSource]) -> None:
    """Count the values of ``rows``, all of one key. The caller holds the workspace's lock."""
    execute_batch(*record_statements(key_id, workspace_id, observed_in(rows)))


def record_statements(key_id: UUID, workspace_id: object, observed: Sequence[ObservedValue]) -> list[Statement]:
    """Return the SQL that counts the ``observed`` values of one key. Run it while holding the workspace's lock."""
    if not observed:
        return []
    listed, key = to_json(_row(one, fingerprint(one.value)) for one in observed), adapt_uuid(key_id)
    return [(_RECORD_BY_VENDOR[connection.vendor], [listed, key, key, MOST_FACETS, key, workspace_id])]


def record_by_key(rows: Iterable[Any]) -> None:
    """Count the values of ``rows``, which may belong to several keys."""
    by_key = defaultdict(list)
    for row in rows:
        by_key[row.key_id, row.workspace_id].append(row)
    for (key_id, workspace_id), of_key in by_key.items():
        record(key_id, workspace_id, of_key)


def observed_in(rows: Iterable[FacetSource]) -> list[ObservedValue]:
    """Return the values of ``rows``. Identical rows, as most are, are grouped before they are counted."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        at = row.created_at
        group = (row.path, row.user_agent, row.ip_address, row.method, row.status_code, row.is_own_call)
        found = groups.get(group)
        if found is None:
            groups[group] = [1, at, at]
            continue
        found[0] += 1
        if at < found[1]:
            found[1] = at
        elif at > found[2]:
            found[2] = at
    return merge(
        ObservedValue(*facet_of(column, raw), is_own, *counted)
        for (*raws, is_own), counted in groups.items()
        for column, raw in zip(FACET_COLUMNS, raws, strict=True)
    )


def count_facets(rows: Any) -> Iterator[dict[str, object]]:
    """Yield the facets of ``rows``, a queryset of the log, with one query per column for all keys."""
    for column in FACET_COLUMNS:
        groups = rows.order_by("key").values_list("key", column, "is_own_call")
        groups = groups.annotate(n=Count("pk"), first=Min("created_at"), last=Max("created_at"))
        for key_id, of_key in groupby(groups.iterator(2000), key=itemgetter(0)):
            seen = merge(ObservedValue(*facet_of(column, raw), *rest) for _, raw, *rest in of_key)
            yield from ({"key_id": key_id, **facet} for facet in limit_facets(seen))


def limit_facets(seen: Iterable[ObservedValue]) -> Iterable[dict[str, object]]:
    """Yield the facets to store for one key: the most frequent values of each kind, and the rest combined."""
    taken: dict[str, int] = defaultdict(int)
    others = []
    for one in sorted(seen, key=lambda one: -one.times):
        taken[one.kind] += 1
        if taken[one.kind] <= MOST_FACETS:
            yield _row(one, fingerprint(one.value))
        else:
            others.append(one._replace(value=""))
    for one in merge(others):
        yield _row(one, OTHERS)


def _row(observed: ObservedValue, number: int) -> dict[str, object]:
    return dict(zip(_SEEN, (*observed, number), strict=True))


def facet_of(column: str, raw: object) -> tuple[str, str]:
    """Return the facet's kind and value for ``raw`` in ``column``. A path with an id is reduced to its beginning."""
    if column == "path" and (beginning := path_prefix(raw)) is not None:
        return "beginning", beginning
    return column, "" if raw is None else str(raw)


def merge(seen: Iterable[ObservedValue]) -> list[ObservedValue]:
    """Combine equal values in ``seen``."""
    total: dict[tuple[str, str, bool], ObservedValue] = {}
    for one in seen:
        there = total.get(one[:3])
        total[one[:3]] = one if there is None else _merge_pair(one, there)
    return list(total.values())


def _merge_pair(one: ObservedValue, other: ObservedValue) -> ObservedValue:
    first, last = min(one.first_seen_at, other.first_seen_at), max(one.last_seen_at, other.last_seen_at)
    return ObservedValue(*one[:3], one.times + other.times, first, last)
