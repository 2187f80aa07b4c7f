"""What the noted values tell of the filters before the log is looked through: that nothing matches, or few, or where.

A hint promises too much rather than too little: what it excludes is not in the log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, TextField, Value

from keys.log.models.facet import OTHERS, fingerprint
from keys.log.networks import in_network
from keys.log.search.filters import LogFilterForm, path_lookup
from keys.log.search.scope import LogScope

# Reading so many takes a few milliseconds. Filters that meet more values than that are told no hint.
MOST_READ = 1000


@dataclass(frozen=True)
class Hint:
    """Where the matches of one filter can be: at ``most`` so many requests, in this time, of these keys.

    ``values`` are all that match in the column; None where others may.
    """

    column: str
    values: tuple[str, ...] | None
    most: int
    first_at: datetime | None
    last_at: datetime | None
    key_ids: frozenset[UUID]


def hints_of(form: LogFilterForm, scope: LogScope, *, with_own: bool) -> list[Hint]:
    """Return a hint for each filter of a valid ``form`` that noted values can answer, by one query or none."""
    asked = dict(_conditions(form, scope))
    if not asked:
        return []
    noted = scope.values if with_own else scope.values.by_customer()
    condition = Q()
    for one, kinds, _ in asked.values():
        condition |= one | Q(kind__in=kinds, fingerprint=OTHERS)
    # Paths with an id are noted by how they begin: they can match what begins as they do.
    noted = noted.alias(path=Value(form.cleaned_data["path"].removeprefix("="), TextField())).filter(condition)
    found = list(
        noted.values_list("kind", "value", "count", "first_seen_at", "last_seen_at", "key_id", "fingerprint")[
            : MOST_READ + 1
        ]
    )
    if len(found) > MOST_READ:
        return []
    return [
        _hint(column, exact, [row for row in found if row[0] in kinds]) for column, (_, kinds, exact) in asked.items()
    ]


def _hint(column: str, exact: str | None, rows: Sequence[tuple[Any, ...]]) -> Hint:
    is_all = all(kind == column and number != OTHERS for kind, *_, number in rows)
    values = tuple({row[1] for row in rows}) if is_all else None
    return Hint(
        column,
        values if exact is None else (exact,),
        sum(row[2] for row in rows),
        min((row[3] for row in rows), default=None),
        max((row[4] for row in rows), default=None),
        frozenset(row[5] for row in rows),
    )


def _conditions(form: LogFilterForm, scope: LogScope) -> Iterator[tuple[str, tuple[Q, tuple[str, ...], str | None]]]:
    """Yield, by column, the noted values that its filter matches, their kinds, and the value where it asks for one."""
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
        elif scope.key:  # of all keys there may be more addresses than can be looked through
            yield "ip_address", (Q(in_network("value", network), kind="ip_address"), ("ip_address",), None)
    if path := data["path"]:
        yield "path", (*_of_path(path), path[1:] if path.startswith("=") else None)


def _of_path(text: str) -> tuple[Q, tuple[str, ...]]:
    lookup, path = path_lookup(text), text.removeprefix("=")
    same = Q(fingerprint=fingerprint(path)) if lookup == "exact" else Q(**{f"value__{lookup}": path})
    open_ended = Q(path__startswith=F("value")) | (Q(value__startswith=path) if lookup == "startswith" else Q())
    # A part of a path may be in what is not noted of it.
    beginnings = Q(kind="beginning") if lookup == "contains" else Q(open_ended, kind="beginning")
    return Q(same, kind="path") | beginnings, ("path", "beginning")
