"""Plans how to find the rows that match the filters, with work that does not grow with the log.

The facets of the log (``LogFacet``) are checked first: they show that nothing matches, that only a few rows do, or when
and with which keys. Rare matches are fetched by the index of their column; everything else is read in order of time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, Q, TextField, Value

from core.pagination import PAGE_SIZE
from keys.log.canonical import in_network
from keys.log.models import partitions
from keys.log.models.facet import OTHERS, fingerprint
from keys.log.models.request import LoggedRequestQuerySet
from keys.log.search.filters import LogFilterForm, LogScope, path_lookup, word_lookups

# Reading this many facets takes a few milliseconds. If more match, there is no estimate.
MOST_MATCHES = 1000
# Up to this many rows are read at once and sorted.
MOST_RARE = 1_000
MOST_RARE_VALUES = 100
# A value with more rows an hour than this is found sooner in order of time than by an index that ends with the hour.
MOST_AN_HOUR = 2_500
# Columns with an index in the log of one key. Across keys, statuses and IP addresses have their own; paths and user
# agents have one only together with the key's id.
INDEXED = {"postgresql": {"status_code", "ip_address", "path", "user_agent"}, "sqlite": {"status_code", "ip_address"}}
ACROSS_KEYS = {"status_code", "ip_address"}
_HOUR = timedelta(hours=1)
_FACET = ("kind", "value", "count", "first_seen_at", "last_seen_at", "key_id", "fingerprint")


class FacetTest(NamedTuple):
    """Which ``facets``, all of these ``kinds``, tell how many rows one filter finds.

    ``column`` is "" if the filter asks for a word, which may be in several. ``exact`` is the only value it can find.
    """

    column: str
    facets: Q
    kinds: tuple[str, ...]
    exact: str | None = None


@dataclass(frozen=True)
class FilterEstimate:
    """An upper bound for the matches of one filter: at most ``most`` rows, in this time, of these keys.

    It is never too low: what it excludes is not in the log. ``column`` is "" if there are matches in several, and
    ``values`` are all that match in it; None if there may be others. ``replaces`` is the column whose filter finds
    exactly the rows with these values, "" if none does.
    """

    column: str
    replaces: str
    values: tuple[str, ...] | None
    most: int
    first_at: datetime | None
    last_at: datetime | None
    key_ids: frozenset[UUID]

    @property
    def is_indexed(self) -> bool:
        indexed = self.column in INDEXED[connection.vendor]
        return indexed and self.values is not None and len(self.values) <= MOST_RARE_VALUES

    @property
    def times(self) -> tuple[datetime, datetime] | None:
        """Return when the first and the last row that may match were; None if there is none."""
        if not self.most or self.first_at is None or self.last_at is None:
            return None
        return self.first_at, self.last_at

    @property
    def an_hour(self) -> float:
        """Return how many rows an hour match at most, on average."""
        first, last = self.times or (None, None)
        hours = (last - first) / _HOUR if first and last else 0
        return self.most / (1 + hours)


@dataclass(frozen=True)
class QueryPlan:
    """The ``rows`` that match, and the ``scanned`` rows among which an index in order of time finds them.

    ``is_rare``: few rows match, so they are read by the index of their column and sorted. ``is_of_value``: most of the
    scanned rows match, because they are those of one value.
    """

    rows: LoggedRequestQuerySet
    scanned: LoggedRequestQuerySet
    is_rare: bool = False
    is_of_value: bool = False


def plan_query(
    form: LogFilterForm, scope: LogScope, now: datetime, *, with_own: bool = False, wanted: int = PAGE_SIZE
) -> QueryPlan | None:
    """Return how to find the newest ``wanted`` rows for a valid ``form``; None if the facets show that nothing matches.

    Own calls are included if the form shows them, or ``with_own``.
    """
    scope = scope.narrowed_to(form.cleaned_data.get("key"))
    with_own = with_own or form.shows_own
    if by_id := _plan_by_id(form, scope, now):
        return by_id if with_own else replace(by_id, rows=by_id.rows.by_customer())
    estimates = estimate_filters(form, scope, with_own=with_own)
    if not all(estimate.times for estimate in estimates):
        return None
    indexed = (estimate for estimate in estimates if estimate.is_indexed)
    chosen = min(indexed, key=lambda one: one.most, default=None)
    plan = chosen and _plan_by_index(chosen, form, scope, now, max(MOST_AN_HOUR, wanted))
    plan = plan or QueryPlan(form.apply(scope.rows, now), scope.rows.filter(**form.in_time("created_at", now)))
    rows, scanned = plan.rows if with_own else plan.rows.by_customer(), plan.scanned
    for estimate in estimates:
        rows, scanned = (some.between(*(estimate.times or (None, None))) for some in (rows, scanned))
    return replace(plan, rows=rows, scanned=scanned)


def _plan_by_id(form: LogFilterForm, scope: LogScope, now: datetime) -> QueryPlan | None:
    """Return the plan that reads the requests whose id the search is; None if it is none."""
    words: tuple[str, ...] = form.cleaned_data["q"]
    if len(words) != 1:
        return None
    keys = [scope.key] if scope.key else form.keys.values()
    rows = scope.rows.with_upstream_id(words[0], [key.pk for key in keys])
    return QueryPlan(form.apply(rows, now, "q"), rows, is_rare=True) if rows.exists() else None


def _plan_by_index(
    estimate: FilterEstimate, form: LogFilterForm, scope: LogScope, now: datetime, most_an_hour: int
) -> QueryPlan | None:
    """Return the plan that uses the index of the most selective filter, if that saves more than it costs."""
    is_rare, values = estimate.most <= MOST_RARE, estimate.values or ()
    covers_scope = scope.key is not None or estimate.column in ACROSS_KEYS
    if not is_rare and (len(values) != 1 or not covers_scope or _is_frequent(estimate, most_an_hour)):
        return None
    rows = scope.rows if is_rare else scope.rows.by_hour()
    if estimate.column == "ip_address":  # its index begins with the workspace
        rows = rows.filter(workspace=scope.workspace)
    if not covers_scope:
        rows = rows.filter(key__in=estimate.key_ids)
    rows, time = rows.with_values(estimate.column, values), form.in_time("created_at", now)
    scanned = rows.between(time.get("created_at__gte"), time.get("created_at__lt")).filter(**time)
    return QueryPlan(form.apply(scanned, now, estimate.replaces), scanned, is_rare, is_of_value=not is_rare)


def _is_frequent(estimate: FilterEstimate, most_an_hour: int) -> bool:
    return partitions.is_used() and estimate.an_hour > most_an_hour


def estimate_filters(form: LogFilterForm, scope: LogScope, *, with_own: bool) -> list[FilterEstimate]:
    """Return an estimate for each filter of a valid ``form`` that facets can answer, with at most one query."""
    asked = list(_tests(form, scope))
    if not asked:
        return []
    facets = scope.facets if with_own else scope.facets.by_customer()
    # Only the beginning of a path with an id is recorded, so it may match any filter that begins alike.
    facets = facets.alias(path=Value(form.cleaned_data["path"].removeprefix("="), TextField()))
    passed = {f"is_{n}": one.facets | Q(kind__in=one.kinds, fingerprint=OTHERS) for n, one in enumerate(asked)}
    facets = facets.filter(reduce(or_, passed.values()))
    facets = facets.annotate(**{name: ExpressionWrapper(test, BooleanField()) for name, test in passed.items()})
    found = list(facets.values_list(*_FACET, *passed)[: MOST_MATCHES + 1])
    if len(found) > MOST_MATCHES:
        return []
    return [_estimate(one, [row for row in found if row[len(_FACET) + n]]) for n, one in enumerate(asked)]


def _estimate(test: FacetTest, rows: Sequence[tuple[Any, ...]]) -> FilterEstimate:
    kinds = {row[0] for row in rows}
    column = test.column or (kinds.pop() if len(kinds) == 1 and "beginning" not in kinds else "")
    is_all = all(row[0] == column and row[6] != OTHERS for row in rows)
    values = tuple({row[1] for row in rows}) if is_all else None
    return FilterEstimate(
        column,
        test.column,
        values if test.exact is None else (test.exact,),
        sum(row[2] for row in rows),
        min((row[3] for row in rows), default=None),
        max((row[4] for row in rows), default=None),
        frozenset(row[5] for row in rows),
    )


def _tests(form: LogFilterForm, scope: LogScope) -> Iterator[FacetTest]:
    data = form.cleaned_data
    if statuses := data["status"]:
        matching = Q(value__in=[str(code) for code in statuses.codes])
        for hundred in statuses.classes:
            matching |= Q(value__startswith=str(hundred))
        yield FacetTest("status_code", Q(matching, kind="status_code"), ("status_code",))
    if data["method"]:
        yield FacetTest("method", Q(kind="method", value__in=data["method"]), ("method",))
    if data["agent"]:
        yield FacetTest("user_agent", Q(kind="user_agent", value__icontains=data["agent"]), ("user_agent",))
    if network := data["ip"]:
        if network.num_addresses == 1:
            address = str(network.network_address)
            one = Q(kind="ip_address", fingerprint=fingerprint(address))
            yield FacetTest("ip_address", one, ("ip_address",), address)
        elif scope.key:  # all keys together may have too many IP addresses to compare
            yield FacetTest("ip_address", Q(in_network("value", network), kind="ip_address"), ("ip_address",))
    if path := data["path"]:
        yield FacetTest("path", *_path_facets(path), path[1:] if path.startswith("=") else None)
    for word in data["q"]:
        columns = {column: Q(kind=column, **{f"value__{lookup}": text}) for column, lookup, text in word_lookups(word)}
        # The word may be in the part of a path after its recorded beginning.
        yield FacetTest("", reduce(or_, columns.values(), Q(kind="beginning")), (*columns, "beginning"))


def _path_facets(text: str) -> tuple[Q, tuple[str, ...]]:
    lookup, path = path_lookup(text), text.removeprefix("=")
    same = Q(fingerprint=fingerprint(path)) if lookup == "exact" else Q(**{f"value__{lookup}": path})
    open_ended = Q(path__startswith=F("value")) | (Q(value__startswith=path) if lookup == "startswith" else Q())
    # The text may be in the part of the path after its recorded beginning.
    beginnings = Q(kind="beginning") if lookup == "contains" else Q(open_ended, kind="beginning")
    return Q(same, kind="path") | beginnings, ("path", "beginning")
