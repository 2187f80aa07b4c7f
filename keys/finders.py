"""What of keys and their request log can be found: keys, requests by id, IP addresses and paths."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, Max, Q, Sum, TextField, Value
from django.urls import reverse
from django.utils.http import urlencode

from core.formatting import counted, format_time
from keys.log.canonical import parse_network
from keys.models import ApiKey, LogFacet, LoggedRequest
from keys.status import key_status
from workspaces.find.query import Kind
from workspaces.find.registry import Destination, Finder, Found, Search, register, register_destinations
from workspaces.models import Role, Workspace

# A request's id is looked for in the log of each key, by the index that begins with the key: so many look-ups at most.
MOST_KEYS = 500
# A key as the console shows it: its first ten and last four characters.
_MASKED = re.compile(r"(cl(?:api|ext)_\S{0,10})(?:…|\.{3})(\S{1,8})")


def _keys(search: Search) -> Iterator[Found]:
    """Yield keys by name, visible ends or id, those that work first."""
    keys = ApiKey.objects.of(search.here)
    masked = _MASKED.fullmatch(search.text)
    found = keys.filter(prefix=masked[1], last4=masked[2]) if masked else keys.matching(search.text)
    for key in found.order_by("-is_active", F("last_used_at").desc(nulls_last=True), "name", "pk")[:20]:
        key.workspace = search.here  # saves a query per key
        yield Found(key.label, key.get_absolute_url(), f"{key.masked} · {key_status(key).text}")


def _requests(search: Search) -> list[Found]:
    """Return the requests with exactly this id. It is unique only together with the key and the time."""
    keys = ApiKey.objects.of(search.here).recently_used_first()
    key_ids = list(keys.values_list("pk", flat=True)[:MOST_KEYS])
    # Unordered: with an ORDER BY the database might walk the log in that order.
    rows = LoggedRequest.objects.with_upstream_id(search.text, key_ids).select_related("key")[:20]
    log = _log(search.here)
    return [
        Found(
            f"{row.method} {row.path}"[:200],
            f"{log}?{urlencode({'row': row.pk})}",
            " · ".join([str(row.status_code or "no status"), row.key.label, format_time(row.created_at, seconds=True)]),
        )
        for row in sorted(rows, key=lambda row: row.created_at, reverse=True)
    ]


def _addresses(search: Search) -> list[Found]:
    """Return the IP address if the log has it, or the most frequent ones that begin so, or the network."""
    log = _log(search.here)
    try:
        network = parse_network(search.text)
    except ValueError:
        return _beginning_alike(search, log)
    text = str(network)
    if network.num_addresses > 1:
        return [Found(text, f"{log}?{urlencode({'ip': text})}", "Requests from this network")]
    address = str(network.network_address)
    # Its own index leads to the newest, so no more rows are read than those of an hour.
    rows = LoggedRequest.objects.of(search.here).filter(ip_address=address).select_related("key")
    newest = rows.by_hour().newest_first().first()
    if newest is None:
        return []
    query = {"ip": address, "own": "1"} if newest.is_own_call else {"ip": address}
    return [Found(address, f"{log}?{urlencode(query)}", f"Last {_seen(newest.created_at)} with {newest.key.label}")]


def _beginning_alike(search: Search, log: str) -> list[Found]:
    facets = LogFacet.objects.of(search.here).by_customer().filter(kind=LogFacet.Kind.IP, value__startswith=search.text)
    found = facets.values("value").annotate(requests=Sum("count"), last=Max("last_seen_at")).order_by("-requests")
    return [
        Found(one["value"], f"{log}?{urlencode({'ip': one['value']})}", _how_often(one["requests"], one["last"]))
        for one in found[:20]
    ]


def _paths(search: Search) -> Iterator[Found]:
    """Yield the paths in the log that begin so. Those with an id are recorded by their beginning."""
    log, path = _log(search.here), search.text
    begins = Q(value__startswith=path) | Q(kind=LogFacet.Kind.BEGINNING, path__startswith=F("value"))
    kinds = [LogFacet.Kind.PATH, LogFacet.Kind.BEGINNING]
    facets = LogFacet.objects.of(search.here).by_customer().filter(kind__in=kinds)
    facets = facets.exclude(value="").alias(path=Value(path, TextField())).filter(begins)
    found = facets.values("kind", "value").annotate(requests=Sum("count"), last=Max("last_seen_at"))
    is_longer = False
    for one in found.order_by("-requests")[:20]:
        value, is_whole = one["value"], one["kind"] == LogFacet.Kind.PATH
        if len(value) < len(path):  # the text goes on with an id after the recorded beginning
            if not is_longer:
                yield Found(path, f"{log}?{urlencode({'path': path})}", "Requests whose path begins like this")
            is_longer = True
            continue
        label = value if is_whole else f"{value}…"
        query = {"path": f"={value}" if is_whole else value}
        yield Found(label, f"{log}?{urlencode(query)}", _how_often(one["requests"], one["last"]))


def _log(workspace: Workspace) -> str:
    return reverse("keys:log", args=[workspace.slug])


def _how_often(requests: int, last: datetime) -> str:
    return f"{counted(requests, 'request')}, last {_seen(last)}"


def _seen(at: datetime) -> str:
    return f"on {format_time(at)}"


register(
    Finder("keys", "Keys", "key", _keys, rank=10, kinds=frozenset({Kind.WORDS, Kind.ID})),
    Finder("requests", "Requests", "terminal", _requests, rank=30, kinds=frozenset({Kind.ID})),
    Finder("addresses", "IP addresses", "terminal", _addresses, rank=40, kinds=frozenset({Kind.ADDRESS})),
    Finder("paths", "Paths", "terminal", _paths, rank=50, kinds=frozenset({Kind.PATH})),
)
register_destinations(
    Destination("Keys", "keys:list", "api"),
    Destination("Requests", "keys:log", "log traffic errors export csv download"),
    Destination("Requests that failed", "keys:log", "errors 4xx 5xx 401 429", suffix="?status=4xx,5xx"),
    Destination("Create key", "keys:new", "new add api", Role.OPERATOR, is_action=True),
    Destination("Revoke all keys", "keys:revoke_all", "leak emergency delete", Role.OPERATOR, is_action=True),
)
