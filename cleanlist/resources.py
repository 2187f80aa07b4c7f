"""The resources of the API. Each call is written once and serves the sync and the async client."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, Generic, Literal, ParamSpec, Protocol, Self, TypeVar, overload
from uuid import UUID

from cleanlist.calls import Call, get_call, json_reader, quote_segment
from cleanlist.models import (
    Acknowledgement,
    AgentRun,
    ApiKey,
    Balance,
    BulkEnrichment,
    Contact,
    CreatedApiKey,
    DeliveryAttempt,
    EnrichmentStatus,
    KeyValidation,
    LeadList,
    PublicApiKey,
    RequestLogEntry,
    UsageReport,
    Whoami,
)
from cleanlist.parsing.lists import Listing, list_reader, record_reader

P = ParamSpec("P")
T = TypeVar("T")
EnrichmentType = Literal["none", "partial", "phone_only", "full"]
UsageGrouping = Literal["tool", "key", "day", "error"]

_KEYS = "/api/v1/api-keys"
_PUBLIC = "/api/v1/public"
# Neither the envelope nor the rows of the webhook delivery log are fully documented, so every usual form is accepted;
# an unexpected value costs its field, never the page.
_ALIASES: Final = {
    "id": ("attempt_id",),
    "attempt_number": ("attempt",),
    "response_status_code": ("status_code", "http_status"),
    "error_message": ("error",),
    "url": ("target_url", "endpoint"),
    "next_attempt_at": ("next_retry_at",),
}
read_deliveries: Final = list_reader(DeliveryAttempt, "deliveries", "attempts", aliases=_ALIASES)


class SyncSender(Protocol):
    """Sends a call and waits for its result."""

    def send(self, call: Call[T]) -> T:
        """Return the result, or raise a `CleanlistError`."""
        ...


class AsyncSender(Protocol):
    """Sends a call and returns an awaitable result."""

    async def send(self, call: Call[T]) -> T:
        """Return the result, or raise a `CleanlistError`."""
        ...


S = TypeVar("S", bound=SyncSender | AsyncSender)


class Resource(Generic[S]):
    """Calls that share a sender."""

    def __init__(self, sender: S) -> None:
        self._sender = sender


class sends_call(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Turns a method that returns a call into one that sends it, sync or async like its sender."""

    def __init__(self, build_call: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._build_call = build_call
        self.__doc__ = build_call.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: Resource[SyncSender], kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: Resource[AsyncSender], kind: type) -> Callable[P, Coroutine[object, object, T]]: ...
    def __get__(self, owner: Resource[Any] | None, kind: type) -> object:
        if owner is None:
            return self

        def send(*args: P.args, **kwargs: P.kwargs) -> object:
            return owner._sender.send(self._build_call(owner, *args, **kwargs))  # noqa: SLF001 - same family

        send.__doc__ = self.__doc__
        return send


class ApiKeys(Resource[S]):
    """Key management. Needs a management session; an API key is not accepted here."""

    @sends_call
    def list(self) -> Call[Listing[ApiKey]]:
        """List all keys of the user, active and inactive."""
        return get_call(_KEYS, _read_api_keys)

    @sends_call
    def create(self, name: str | None = None, expires_at: datetime | None = None) -> Call[CreatedApiKey]:
        """Issue a key; its secret is in this response only. Never sent twice.

        Raises `ValueError` for an `expires_at` without a time zone.
        """
        wanted = {"name": name, "expires_at": _iso_format(expires_at)}
        body = {field: value for field, value in wanted.items() if value is not None}
        return Call("POST", _KEYS, _read_created, body=body, idempotent=False, confidential=True)

    @sends_call
    def revoke(self, key_id: UUID | str) -> Call[Acknowledgement]:
        """Revoke one key for good. Never sent twice."""
        return _revocation(f"{_KEYS}/{quote_segment(key_id)}/revoke", f"{_KEYS}/{{id}}/revoke")

    @sends_call
    def revoke_all(self) -> Call[Acknowledgement]:
        """Revoke every active key of the user. Never sent twice."""
        return _revocation(f"{_KEYS}/revoke-all")

    @sends_call
    def requests(self, key_id: UUID | str, limit: int = 100) -> Call[Listing[RequestLogEntry]]:
        """List the 1 to 500 newest requests made with a key, newest first; there is no second page."""
        _check_range("limit", limit, 500)
        return get_call(
            f"{_KEYS}/{quote_segment(key_id)}/requests", _read_requests, f"{_KEYS}/{{id}}/requests", limit=limit
        )


class PublicKeys(Resource[S]):
    """The reduced list of keys, for an API key with the scope `admin:api_keys`."""

    @sends_call
    def list(self) -> Call[Listing[PublicApiKey]]:
        """List all keys that the credential may see."""
        return get_call(f"{_PUBLIC}/api-keys", _read_public_keys)


class Credits(Resource[S]):
    """The organization's credits."""

    @sends_call
    def balance(self) -> Call[Balance]:
        """Return the remaining credits. Needs the scope `credits:read`."""
        return get_call(f"{_PUBLIC}/credits/balance", _read_balance)


class Usage(Resource[S]):
    """Counts of calls and errors."""

    @sends_call
    def report(self, days: int = 7, group_by: UsageGrouping = "tool") -> Call[UsageReport]:
        """Report the usage of the last 1 to 365 days. Needs the scope `admin:api_keys`."""
        _check_range("days", days, 365)
        return get_call(f"{_PUBLIC}/usage", _read_usage, days=days, group_by=group_by)


class Webhooks(Resource[S]):
    """The webhook delivery log."""

    @sends_call
    def deliveries(self, workflow_id: str | None = None) -> Call[Listing[DeliveryAttempt]]:
        """List delivery attempts of one workflow; upstream decides whether the id may be omitted."""
        return get_call(f"{_PUBLIC}/webhooks/deliveries", read_deliveries, workflow_id=workflow_id)


class Enrichments(Resource[S]):
    """Bulk enrichment."""

    @sends_call
    def bulk(
        self,
        contacts: Sequence[Contact | Mapping[str, str]],
        enrichment_type: EnrichmentType = "partial",
        webhook_url: str | None = None,
    ) -> Call[BulkEnrichment]:
        """Submit 1 to 250 contacts. Costs credits for what is found; never sent twice."""
        _check_range("the number of contacts", len(contacts), 250)
        body: dict[str, object] = {"enrichment_type": enrichment_type, "contacts": tuple(contacts)}
        if webhook_url is not None:
            body["webhook_url"] = webhook_url
        return Call("POST", f"{_PUBLIC}/enrich/bulk", _read_bulk, body=body, idempotent=False)

    @sends_call
    def status(self, workflow_id: str | None = None, task_id: str | None = None) -> Call[EnrichmentStatus]:
        """Return progress and results of one workflow or of one task.

        Raises `ValueError` unless exactly one of them is given.
        """
        if (workflow_id is None) == (task_id is None):
            raise ValueError("Give either workflow_id or task_id")
        return get_call(f"{_PUBLIC}/enrich/status", _read_status, workflow_id=workflow_id, task_id=task_id)

    @sends_call
    def newer_status(self, workflow_id: str) -> Call[EnrichmentStatus]:
        """Return progress and credits of a workflow from the newer surface, which has a rate limit of its own."""
        template = f"{_PUBLIC}/enrichment/status/{{id}}"
        return get_call(f"{_PUBLIC}/enrichment/status/{quote_segment(workflow_id)}", _read_status, template)


class Lists(Resource[S]):
    """Lead lists."""

    @sends_call
    def get(self, list_id: str) -> Call[LeadList]:
        """Return one list. Needs the scope `lists:read`."""
        return get_call(
            f"{_PUBLIC}/lead-lists/{quote_segment(list_id)}", _read_lead_list, f"{_PUBLIC}/lead-lists/{{id}}"
        )


class SmartAgents(Resource[S]):
    """Runs of smart agents."""

    @sends_call
    def get(self, run_id: str) -> Call[AgentRun]:
        """Return the progress of a run. Needs the scope `smart_agents:read`."""
        template = f"{_PUBLIC}/smart-agents/{{id}}"
        return get_call(f"{_PUBLIC}/smart-agents/{quote_segment(run_id)}", _read_agent_run, template)


class Account(Resource[S]):
    """Calls about the credential, which are methods of the client itself."""

    @sends_call
    def whoami(self) -> Call[Whoami]:
        """Return identity, organization, scopes, plan and features of the credential."""
        return get_call(f"{_PUBLIC}/whoami", _read_whoami)

    @sends_call
    def validate_key(self) -> Call[KeyValidation]:
        """Check that the API key is accepted. Raises `AuthenticationError` if not."""
        return get_call(f"{_PUBLIC}/auth/validate-key", _read_validation)


_read_api_keys = list_reader(ApiKey, "keys", "api_keys")
_read_created = json_reader(CreatedApiKey)
_read_acknowledgement = json_reader(Acknowledgement)
_read_requests = list_reader(RequestLogEntry, "requests", "logs")
_read_balance = record_reader(Balance)
_read_usage = json_reader(UsageReport)
_read_bulk = json_reader(BulkEnrichment)
_read_status = json_reader(EnrichmentStatus)
_read_lead_list = json_reader(LeadList)
_read_agent_run = json_reader(AgentRun)
_read_whoami = json_reader(Whoami)
_read_validation = json_reader(KeyValidation)
# The v1 API responds with an array, v2 with an object that contains one.
_read_public_keys = list_reader(PublicApiKey, "keys")


def _revocation(path: str, template: str = "") -> Call[Acknowledgement]:
    empty = Acknowledgement()
    return Call("POST", path, _read_acknowledgement, idempotent=False, empty_result=empty, template=template)


def _iso_format(time: datetime | None) -> str | None:
    if time is None:
        return None
    if time.utcoffset() is None:
        raise ValueError("expires_at needs a time zone")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _check_range(name: str, value: int, maximum: int) -> None:
    if not 1 <= value <= maximum:
        raise ValueError(f"{name} must be 1 to {maximum}, not {value}")
