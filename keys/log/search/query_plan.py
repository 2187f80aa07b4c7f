"""Plans how to find the rows that match the filters, with work that does not grow with the log.

The facets of the log (``LogFacet``) are checked first: they show that nothing matches, that only a few rows do, or when
and with which keys. Rare matches are fetched by the index of their column; everything else is read in order of time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, TextField, Value

from keys.log.canonical import in_network
from keys.log.models.facet import OTHERS, fingerprint
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.filters import LogFilterForm, LogScope, path_lookup

# Reading this many facets takes a few milliseconds. If more match, there is no estimate.
MOST_MATCHES = 1000
# Up to this many rows are read at once and sorted.
MOST_RARE = 1_000
MOST_RARE_VALUES = 100
# Columns with an index in the log of one key. Across keys, statuses and IP addresses have their own; paths and user
# agents have one only together with the key's id.
INDEXED = {"postgresql": {"status_code", "ip_address", "path", "user_agent"}, "sqlite": {"status_code", "ip_address"}}
ACROSS_KEYS = {"status_code", "ip_address"}


@dataclass(frozen=True)
class FilterEstimate:
    """An upper bound for the matches of one filter: at most ``most`` rows, in this time, of these keys.

    It is never too low: what it excludes is not in the log. ``values`` are all matching values of the column; None if
    there may be others.
    """

    column: str
    values: tuple[str, ...] | None
    most: int
    first_at: datetime | None
    last_at: datetime | None
    key_ids: frozenset[UUID]

    @property
    def is_indexed(self) -> bool:
        indexed = self.column in INDEXED[connection.vendor]
        return indexed and self.values is not None and len(self.values) <= MOST_RARE_VALUES


@dataclass(frozen=True)
class QueryPlan:
    """The ``rows`` that match, and the ``scanned`` rows among which an index in order of time finds them.

    ``is_rare``: few rows match, so they are read by the index of their column and sorted.
    """

    rows: LoggedRequestQuerySet
    scanned: LoggedRequestQuerySet
    is_rare: bool = False


def plan_query(form: LogFilterForm, scope: LogScope, now: datetime, *, with_own: bool = False) -> QueryPlan | None:
    """Return how to find the rows for a valid ``form``; None if the facets show that nothing matches.

    Own calls are included if the form shows them, or ``with_own``.
    """
    scope = scope.narrowed_to(form.cleaned_data.get("key"))
    with_own = with_own or form.shows_own
    estimates = estimate_filters(form, scope, with_own=with_own)
    rows, scanned = form.apply(scope.rows, now), scope.rows.filter(**form.in_time("created_at", now))
    rows = rows if with_own else rows.by_customer()
    for estimate in estimates:
        if not estimate.most or estimate.first_at is None or estimate.last_at is None:
            return None
        times = (estimate.first_at, estimate.last_at)
        rows, scanned = (some.filter(created_at__range=times) for some in (rows, scanned))
    indexed = (estimate for estimate in estimates if estimate.is_indexed)
    return _use_index(QueryPlan(rows, scanned), min(indexed, key=lambda one: one.most, default=None), scope)


def _use_index(plan: QueryPlan, estimate: FilterEstimate | None, scope: LogScope) -> QueryPlan:
    """Use the index of the most selective filter if that saves more than it costs."""
    if estimate is None or estimate.values is None:
        return plan
    if estimate.column == "ip_address":  # its index begins with the workspace
        workspace = scope.workspace
        plan = QueryPlan(plan.rows.filter(workspace=workspace), plan.scanned.filter(workspace=workspace))
    covers_scope = scope.key or estimate.column in ACROSS_KEYS
    if estimate.most <= MOST_RARE:
        rows = plan.rows if covers_scope else plan.rows.filter(key__in=estimate.key_ids)
        return QueryPlan(rows.with_values(estimate.column, estimate.values), plan.scanned, is_rare=True)
    if len(estimate.values) == 1 and covers_scope:
        rows, scanned = (some.with_values(estimate.column, estimate.values) for some in (plan.rows, plan.scanned))
        return QueryPlan(rows, scanned)
    return plan


def estimate_filters(form: LogFilterForm, scope: LogScope, *, with_own: bool) -> list[FilterEstimate]:
    """Return an estimate for each filter of a valid ``form`` that facets can answer, with at most one query."""
    asked = dict(_conditions(form, scope))
    if not asked:
        return []
    facets = scope.facets if with_own else scope.facets.by_customer()
    condition = Q()
    for one, kinds, _ in asked.values():
        condition |= one | Q(kind__in=kinds, fingerprint=OTHERS)
    # Only the beginning of a path with an id is recorded, so it may match any filter that begins alike.
    facets = facets.alias(path=Value(form.cleaned_data["path"].removeprefix("="), TextField())).filter(condition)
    columns = ("kind", "value", "count", "first_seen_at", "last_seen_at", "key_id", "fingerprint")
    found = list(facets.values_list(*columns)[: MOST_MATCHES + 1])
    if len(found) > MOST_MATCHES:
        return []
    return [
        _estimate(column, exact, [row for row in found if row[0] in kinds])
        for column, (_, kinds, exact) in asked.items()
    ]


def _estimate(column: str, exact: str | None, rows: Sequence[tuple[Any, ...]]) -> FilterEstimate:
    is_all = all(kind == column and number != OTHERS for kind, *_, number in rows)
    values = tuple({row[1] for row in rows}) if is_all else None
    return FilterEstimate(
        column,
        values if exact is None else (exact,),
        sum(row[2] for row in rows),
        min((row[3] for row in rows), default=None),
        max((row[4] for row in rows), default=None),
        frozenset(row[5] for row in rows),
    )


def _conditions(form: LogFilterForm, scope: LogScope) -> Iterator[tuple[str, tuple[Q, tuple[str, ...], str | None]]]:
    """Yield by column the facets that its filter matches, their kinds, and the value if it asks for exactly one."""
    data = form.cleaned_data
    if statuses := data["status"]:
        matching = Q(value__in=[str(code) for code in statuses.codes])
        for hundred in statuses.classes:
            matching |= Q(value__startswith=str(hundred))
        yield "status_code", (Q(matching, kind="status_code"), ("status_code",), None)
    if data["method"]:
        yield "method", (Q(kind="method", value__in=data["method"]), ("method",), None)
    if data["agent"]:
        yield "user_agent", (Q(kind="user_agent", value__icontains=data["agent"]), ("user_agent",), None)
    if network := data["ip"]:
        if network.num_addresses == 1:
            address = str(network.network_address)
            yield "ip_address", (Q(kind="ip_address", fingerprint=fingerprint(address)), ("ip_address",), address)
        elif scope.key:  # all keys together may have too many IP addresses to compare
            yield "ip_address", (Q(in_network("value", network), kind="ip_address"), ("ip_address",), None)
    if path := data["path"]:
        yield "path", (*_path_condition(path), path[1:] if path.startswith("=") else None)


def _path_condition(text: str) -> tuple[Q, tuple[str, ...]]:
    lookup, path = path_lookup(text), text.removeprefix("=")
    same = Q(fingerprint=fingerprint(path)) if lookup == "exact" else Q(**{f"value__{lookup}": path})
    open_ended = Q(path__startswith=F("value")) | (Q(value__startswith=path) if lookup == "startswith" else Q())
    # The text may be in the part of the path after its recorded beginning.
    beginnings = Q(kind="beginning") if lookup == "contains" else Q(open_ended, kind="beginning")
    return Q(same, kind="path") | beginnings, ("path", "beginning")
