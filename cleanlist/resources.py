"""The calls, grouped by noun. Each is written once and serves the sync and the async client."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, Self, TypeVar, overload
from uuid import UUID

from cleanlist.calls import Call, decoded, get, segment
from cleanlist.deliveries import read_deliveries
from cleanlist.listings import Listing, listing_of, record_of
from cleanlist.results import (
    Acknowledgement,
    ApiKey,
    Balance,
    BulkEnrichment,
    Contact,
    CreatedApiKey,
    DeliveryAttempt,
    EnrichmentStatus,
    KeyValidation,
    PublicApiKey,
    RequestLogEntry,
    UsageReport,
    Whoami,
)

P = ParamSpec("P")
T = TypeVar("T")
EnrichmentType = Literal["none", "partial", "phone_only", "full"]
UsageGrouping = Literal["tool", "key", "day", "error"]

_KEYS = "/api/v1/api-keys"
_PUBLIC = "/api/v1/public"


class SyncSender(Protocol):
    """Sends a call and waits for its result."""

    def send(self, call: Call[T]) -> T:
        """Return the result, or raise a `CleanlistError`."""
        ...


class AsyncSender(Protocol):
    """Sends a call; its result is awaited."""

    async def send(self, call: Call[T]) -> T:
        """Return the result, or raise a `CleanlistError`."""
        ...


S = TypeVar("S", bound=SyncSender | AsyncSender)


class Resource(Generic[S]):
    """Calls that share a sender."""

    def __init__(self, sender: S) -> None:
        self._sender = sender


class described(Generic[P, T]):  # noqa: N801 - it is used as a decorator
    """Turns a method that describes a call into one that sends it, plain or awaitable as its sender is."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: Resource[SyncSender], kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: Resource[AsyncSender], kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, owner: Resource[Any] | None, kind: type) -> Any:
        if owner is None:
            return self

        def send(*args: P.args, **kwargs: P.kwargs) -> Any:
            return owner._sender.send(self._describe(owner, *args, **kwargs))  # noqa: SLF001 - same family

        send.__doc__ = self.__doc__
        return send


class ApiKeys(Resource[S]):
    """Key management. Needs a management session; an API key is not accepted here."""

    @described
    def list(self) -> Call[Listing[ApiKey]]:
        """List all keys of the user, active and inactive."""
        return get(_KEYS, _read_api_keys)

    @described
    def create(self, name: str | None = None, expires_at: datetime | None = None) -> Call[CreatedApiKey]:
        """Issue a key; its secret is in this answer only. Never sent twice.

        Raises `ValueError` for an `expires_at` without a time zone.
        """
        wanted = {"name": name, "expires_at": _iso(expires_at)}
        body = {field: value for field, value in wanted.items() if value is not None}
        return Call("POST", _KEYS, _read_created, body=body, idempotent=False, confidential=True)

    @described
    def revoke(self, key_id: UUID | str) -> Call[Acknowledgement]:
        """Revoke one key for good. Never sent twice."""
        return _revocation(f"{_KEYS}/{segment(key_id)}/revoke", f"{_KEYS}/{{id}}/revoke")

    @described
    def revoke_all(self) -> Call[Acknowledgement]:
        """Revoke every active key of the user. Never sent twice."""
        return _revocation(f"{_KEYS}/revoke-all")

    @described
    def requests(self, key_id: UUID | str, limit: int = 100) -> Call[Listing[RequestLogEntry]]:
        """List the 1 to 500 newest requests made with a key, newest first; there is no second page."""
        _check_range("limit", limit, 500)
        return get(f"{_KEYS}/{segment(key_id)}/requests", _read_requests, f"{_KEYS}/{{id}}/requests", limit=limit)


class PublicKeys(Resource[S]):
    """The light list of keys, for an API key with the scope `admin:api_keys`."""

    @described
    def list(self) -> Call[Listing[PublicApiKey]]:
        """List all keys that the credential may see."""
        return get(f"{_PUBLIC}/api-keys", _read_public_keys)


class Credits(Resource[S]):
    """The organization's credits."""

    @described
    def balance(self) -> Call[Balance]:
        """Tell what is left now. Needs the scope `credits:read`."""
        return get(f"{_PUBLIC}/credits/balance", _read_balance)


class Usage(Resource[S]):
    """Counts of calls and errors."""

    @described
    def report(self, days: int = 7, group_by: UsageGrouping = "tool") -> Call[UsageReport]:
        """Report the usage of the last 1 to 365 days. Needs the scope `admin:api_keys`."""
        _check_range("days", days, 365)
        return get(f"{_PUBLIC}/usage", _read_usage, days=days, group_by=group_by)


class Webhooks(Resource[S]):
    """The webhook delivery log."""

    @described
    def deliveries(self, workflow_id: str | None = None) -> Call[Listing[DeliveryAttempt]]:
        """List delivery attempts of one workflow; whether the id may be left out is upstream's to say."""
        return get(f"{_PUBLIC}/webhooks/deliveries", read_deliveries, workflow_id=workflow_id)


class Enrichments(Resource[S]):
    """Bulk enrichment."""

    @described
    def bulk(
        self,
        contacts: Sequence[Contact | Mapping[str, str]],
        enrichment_type: EnrichmentType = "partial",
        webhook_url: str | None = None,
    ) -> Call[BulkEnrichment]:
        """Submit 1 to 250 contacts. Costs credits for what is found, and is never sent twice."""
        _check_range("the number of contacts", len(contacts), 250)
        body: dict[str, object] = {"enrichment_type": enrichment_type, "contacts": tuple(contacts)}
        if webhook_url is not None:
            body["webhook_url"] = webhook_url
        return Call("POST", f"{_PUBLIC}/enrich/bulk", _read_bulk, body=body, idempotent=False)

    @described
    def status(self, workflow_id: str | None = None, task_id: str | None = None) -> Call[EnrichmentStatus]:
        """Tell progress and results of one workflow or of one task.

        Raises `ValueError` unless exactly one of them is given.
        """
        if (workflow_id is None) == (task_id is None):
            raise ValueError("Give either workflow_id or task_id")
        return get(f"{_PUBLIC}/enrich/status", _read_status, workflow_id=workflow_id, task_id=task_id)

    @described
    def newer_status(self, workflow_id: str) -> Call[EnrichmentStatus]:
        """Tell progress and credits of a workflow of the newer surface; counted apart from `status` by upstream."""
        template = f"{_PUBLIC}/enrichment/status/{{id}}"
        return get(f"{_PUBLIC}/enrichment/status/{segment(workflow_id)}", _read_status, template)


class Account(Resource[S]):
    """What a credential is; these two calls sit on the client itself."""

    @described
    def whoami(self) -> Call[Whoami]:
        """Tell identity, organization, scopes, plan and features of the credential."""
        return get(f"{_PUBLIC}/whoami", _read_whoami)

    @described
    def validate_key(self) -> Call[KeyValidation]:
        """Tell whether the API key is accepted. Raises `AuthenticationError` if not."""
        return get(f"{_PUBLIC}/auth/validate-key", _read_validation)


_read_api_keys = listing_of(ApiKey, "keys", "api_keys")
_read_created = decoded(CreatedApiKey)
_read_acknowledgement = decoded(Acknowledgement)
_read_requests = listing_of(RequestLogEntry, "requests", "logs")
_read_balance = record_of(Balance)
_read_usage = decoded(UsageReport)
_read_bulk = decoded(BulkEnrichment)
_read_status = decoded(EnrichmentStatus)
_read_whoami = decoded(Whoami)
_read_validation = decoded(KeyValidation)
# The v1 surface answers with an array, v2 with an object that holds one.
_read_public_keys = listing_of(PublicApiKey, "keys")


def _revocation(path: str, template: str = "") -> Call[Acknowledgement]:
    empty = Acknowledgement()
    return Call("POST", path, _read_acknowledgement, idempotent=False, empty_answer=empty, template=template)


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise ValueError("expires_at needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _check_range(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be 1 to {most}, not {value}")
