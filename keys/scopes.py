"""Which operation of the API needs which scope, and which scopes a key has, as far as that is known."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from django.db.models import OuterRef, Subquery

from core import clock
from keys.models import ApiKey, KeyEndpoint, KeyTraffic, LoggedRequest
from workspaces.models import Workspace

SURFACES = ("api/v1/public/", "api/v2/")
# The newest rows of a log that are read for proof, and the newest 403s; and how far back hourly counts are.
MOST_ROWS, MOST_REFUSALS = 500, 100
PROOF_WITHIN = timedelta(days=30)
State = Literal["granted", "missing", "worked", "rejected", "unknown"]


class Operation(NamedTuple):
    """A call below one of the ``SURFACES``."""

    scope: str
    method: str
    path: str


@dataclass(frozen=True)
class Scope:
    """One scope: what fails without it, in words, and the calls that need it."""

    name: str
    fails: str
    operations: tuple[Operation, ...]

    @property
    def calls(self) -> str:
        """Return the calls as text: "GET usage, GET api-keys"."""
        return ", ".join(f"{each.method} {each.path}" for each in self.operations)


# ``docs/cleanlist-api.md``, "OAuth scopes": the scope, what fails without it, and its calls.
_TABLE = (
    ("people:read", "Searching people", "POST search/people, GET search/people/filters"),
    (
        "companies:read",
        "Searching companies, and finding similar ones",
        "POST search/companies, GET search/companies/filters, POST search/companies/similar",
    ),
    (
        "lists:read",
        "Reading lead lists and their leads",
        "GET lead-lists, GET lead-lists/{id}, GET lead-lists/{id}/leads",
    ),
    (
        "lists:write",
        "Creating, changing and deleting lead lists, adding and removing leads, importing a CSV",
        (
            "POST lead-lists, PATCH lead-lists/{id}, DELETE lead-lists/{id}, POST lead-lists/{id}/leads, "
            "DELETE lead-lists/{id}/leads, POST lead-lists/{id}/csv-import"
        ),
    ),
    (
        "enrich:read",
        "Asking for the status and results of an enrichment",
        "GET enrichment/status/{id}, GET enrich/status",
    ),
    (
        "enrich:write",
        "Starting any enrichment, also that of a CSV import",
        (
            "POST enrich/bulk, POST enrichment/person, POST enrichment/company, POST enrichment/by-task, "
            "POST enrichment/bulk"
        ),
    ),
    ("credits:read", "Reading the balance and estimating costs", "GET credits/balance, POST credits/estimate"),
    ("export:read", "Exporting a list as CSV or JSON", "POST export/csv/signed-url, GET export/json"),
    ("sync:write", "Syncing a list to a CRM or a sequencer", "POST sync/crm, POST sync/sequencer"),
    ("smart_agents:read", "Reading runs and results of smart agents", "GET smart-agents, GET smart-agents/{id}"),
    ("smart_agents:write", "Running a smart agent", "POST smart-agents/run"),
    ("admin:api_keys", "Listing keys with an API key, and usage reports", "GET api-keys, GET usage"),
)


def _operations(scope: str, calls: str) -> tuple[Operation, ...]:
    return tuple(Operation(scope, *call.split()) for call in calls.split(", "))


SCOPES = tuple(Scope(name, fails, _operations(name, calls)) for name, fails, calls in _TABLE)
_OPERATIONS = tuple(operation for scope in SCOPES for operation in scope.operations)
_SCOPE_OF: Mapping[tuple[str, str], str] = {(each.method, each.path): each.scope for each in _OPERATIONS}
_SCOPES_AT: Mapping[str, Collection[str]] = {
    path: {each.scope for each in _OPERATIONS if each.path == path} for _, path in _SCOPE_OF
}


def required_scope(endpoint: str) -> str:
    """Return the scope for ``endpoint``, such as "POST /api/v1/public/enrich/bulk"; empty where none is known.

    Without its method, a path tells the scope only if all of its methods need the same.
    """
    method, _, path = endpoint.rpartition(" ")
    known = _known_path(path)
    if method:
        return _SCOPE_OF.get((method, known), "")
    scopes = _SCOPES_AT.get(known, ())
    return next(iter(scopes)) if len(scopes) == 1 else ""


def _known_path(path: str) -> str:
    """Return the path of the table that ``path`` is of, whatever its ids look like; empty for others."""
    bare = path.partition("?")[0].strip("/")
    bare = next((bare.removeprefix(one) for one in SURFACES if bare.startswith(one)), bare)
    parts = bare.split("/")
    # An id is the second segment, or the third.
    tried = (bare, *("/".join([*parts[:place], "{id}", *parts[place + 1 :]]) for place in (1, 2)))
    return next((one for one in tried if one in _SCOPES_AT), "")


@dataclass(frozen=True)
class KeyScope:
    """What is known of one scope of a key; ``at`` is when its calls last worked or were rejected."""

    scope: Scope
    state: State
    at: datetime | None = None


@dataclass(frozen=True)
class KeyScopes:
    """All scopes of a key. Declared ones are what Cleanlist reports of the key's owner; others come from its log."""

    rows: tuple[KeyScope, ...]
    is_declared: bool
    others: tuple[str, ...] = ()  # reported, but not in the table


def scopes_of(key: ApiKey, workspace: Workspace) -> KeyScopes:
    """Return the scopes of ``key`` in at most three queries, whose cost doesn't depend on the size of its log.

    Cleanlist grants scopes to people, whose keys all have them, and reports those of the console's own key.
    """
    if workspace.scopes and _has_owner_of_own_key(key, workspace):
        granted = {str(name) for name in workspace.scopes}
        rows = tuple(KeyScope(one, "granted" if one.name in granted else "missing") for one in SCOPES)
        return KeyScopes(rows, is_declared=True, others=tuple(sorted(granted - {one.name for one in SCOPES})))
    worked, rejected = _proof(key)
    return KeyScopes(tuple(_from_log(one, worked, rejected) for one in SCOPES), is_declared=False)


def _has_owner_of_own_key(key: ApiKey, workspace: Workspace) -> bool:
    """Return whether ``key`` surely belongs to the user of the console's key: it is that, or is listed with it.

    Both lists have the keys of one user only.
    """
    ends = (workspace.api_key_prefix, workspace.api_key_last4)
    if workspace.api_key is None or not all(ends):
        return False
    if (key.prefix, key.last4) == ends or not key.in_full:
        return True
    own = ApiKey.objects.of(workspace).filter(prefix=ends[0], last4=ends[1], in_full=True, owner=key.owner)
    return bool(key.owner) and own.exists()


def _from_log(scope: Scope, worked: Mapping[str, datetime], rejected: Mapping[str, datetime]) -> KeyScope:
    last, refused = worked.get(scope.name), rejected.get(scope.name)
    if refused is not None and (last is None or refused > last):
        return KeyScope(scope, "rejected", refused)
    return KeyScope(scope, "worked", last) if last is not None else KeyScope(scope, "unknown")


def _proof(key: ApiKey) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Return, by scope, when a call of it last worked, and when one was last rejected with 403."""
    worked: dict[str, datetime] = {}
    rejected: dict[str, datetime] = {}
    columns = ("method", "path", "status_code", "created_at")
    log = LoggedRequest.objects.filter(key=key)
    refusals = log.filter(status_code=403).newest_first().values_list(*columns)[:MOST_REFUSALS]
    newest = log.newest_first().values_list(*columns)[:MOST_ROWS]
    for method, path, status, at in (*newest, *refusals):
        found = worked if status is not None and 200 <= status < 300 else rejected if status == 403 else None
        if found is not None and (name := required_scope(f"{method} {path}")):
            found[name] = max(at, found.get(name, at))
    for path, hour in _hours_of_success(key):
        if hour is not None and (name := required_scope(path)):
            worked[name] = max(hour, worked.get(name, hour))
    return worked, rejected


def _hours_of_success(key: ApiKey) -> Iterable[tuple[str, datetime | None]]:
    """Return each endpoint of the key's counts with the latest hour in which a call of it worked."""
    hours = KeyTraffic.objects.filter(key=key, endpoint=OuterRef("path"), status_class=2)
    recent = hours.filter(hour__gte=clock.cached_now() - PROOF_WITHIN).order_by("-hour")
    endpoints = KeyEndpoint.objects.filter(key=key).annotate(worked=Subquery(recent.values("hour")[:1]))
    return endpoints.values_list("path", "worked")


def calls_of(name: str) -> str:
    """Return the calls that fail without the scope ``name``; empty for one that isn't documented."""
    return next((scope.calls for scope in SCOPES if scope.name == name), "")
