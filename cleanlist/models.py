"""The results of calls: immutable, typed, ignoring unknown fields.

A field that upstream may leave out has a default. Timestamps are aware and in UTC. Ids are text: the
management API uses UUIDs, the newer one ids such as `ak_5f8c2b91`.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from cleanlist.parsing.timestamps import EARLIEST, LATEST, parse_credits, parse_timestamp, to_utc
from cleanlist.secret import Secret

JsonObject = dict[str, Any]
JsonValue = bool | int | float | str | list[Any] | JsonObject | None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all results. Every timestamp becomes aware UTC; one without an offset is taken as UTC."""

    timestamps: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.timestamps:
            timestamp = getattr(self, name)
            if timestamp is not None and (timestamp.tzinfo is not UTC or not EARLIEST <= timestamp <= LATEST):
                msgspec.structs.force_setattr(self, name, to_utc(timestamp))


class ApiKey(Model, frozen=True, kw_only=True):
    """A key in the management API's list, without its full secret."""

    timestamps = ("created_at", "expires_at", "last_used_at")

    id: str
    is_active: bool
    name: str | None = None
    key_prefix: str = ""
    key_last4: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    request_count: int | None = None


class CreatedApiKey(Model, frozen=True, kw_only=True):
    """The response to a create, the only one with the full key."""

    timestamps = ("created_at", "expires_at")

    api_key: Secret
    created_at: datetime | None = None
    expires_at: datetime | None = None


class Acknowledgement(Model, frozen=True, kw_only=True):
    """The response to a revoke: whether it succeeded, and upstream's message."""

    success: bool = True
    message: str | None = None


class RequestLogEntry(Model, frozen=True, kw_only=True):
    """One request that was made with a key; `duration_ms` is in milliseconds."""

    timestamps = ("created_at",)

    id: str
    created_at: datetime
    method: str = ""
    path: str = ""
    status_code: int | None = None
    duration_ms: float | None = None
    ip_address: str | None = None
    user_agent: str | None = None


class PublicApiKey(Model, frozen=True, kw_only=True):
    """A key in the lighter list, which an API key with `admin:api_keys` may read."""

    timestamps = ("created_at", "last_used_at")

    key_id: str
    is_active: bool
    key_prefix: str = ""
    key_last4: str = ""
    name: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    last_used_at: datetime | None = None


class Whoami(Model, frozen=True, kw_only=True):
    """The identity and permissions of a credential. With an API key the email address is masked."""

    organization_id: str
    organization_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    user_email: str | None = None
    auth_type: str | None = None
    scopes: tuple[str, ...] = ()
    tier: str | None = None
    features: tuple[str, ...] = ()


class KeyValidation(Model, frozen=True, kw_only=True):
    """Whether a key is accepted, and its owner."""

    valid: bool
    user_id: str | None = None
    organization_id: str | None = None


class Balance(Model, frozen=True, kw_only=True):
    """The organization's credits; may be fractional."""

    credits: Decimal
    organization_id: str = ""


class UsageRow(Model, frozen=True, kw_only=True):
    """One row of a usage report."""

    group: str
    calls: int
    errors: int = 0
    credits_spent: Decimal = Decimal(0)


class UsageReport(Model, frozen=True, kw_only=True):
    """Calls and errors of the last `days` days. Upstream has no cost per request: credits are always 0."""

    days: int
    group_by: str
    rows: tuple[UsageRow, ...]
    total_calls: int = 0
    total_errors: int = 0
    total_credits_spent: Decimal = Decimal(0)


class DeliveryAttempt(Model, frozen=True, kw_only=True):
    """One attempt to deliver a webhook.

    Upstream documents only the first fields. The others are read under their usual names; `at`, `target` and `took_ms`
    return the best available value.
    """

    timestamps = ("attempted_at", "created_at", "updated_at", "delivered_at", "next_attempt_at")

    id: str | int | None = None
    workflow_id: str | None = None
    attempt_number: int | None = None
    status: str | None = None
    response_status_code: int | None = None
    error_message: str | None = None
    url: str | None = None
    webhook_url: str | None = None
    duration_ms: float | None = None
    response_time_ms: float | None = None
    attempted_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    delivered_at: datetime | None = None
    next_attempt_at: datetime | None = None

    @property
    def at(self) -> datetime | None:
        """When the attempt was made, from the best available timestamp."""
        return self.attempted_at or self.created_at or self.delivered_at or self.updated_at

    @property
    def target(self) -> str | None:
        """The URL that the webhook was sent to."""
        return self.url or self.webhook_url

    @property
    def took_ms(self) -> float | None:
        """How long the receiver took, in milliseconds."""
        return self.duration_ms if self.duration_ms is not None else self.response_time_ms


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person to enrich: `linkedin_url`, or first and last name with a company domain or name."""

    linkedin_url: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_domain: str | None = None
    company_name: str | None = None


class BulkEnrichment(Model, frozen=True, kw_only=True):
    """A bulk enrichment that upstream has accepted."""

    workflow_id: str
    status: str = "processing"
    message: str | None = None
    task_ids: tuple[str, ...] = ()
    total_contacts: int | None = None


class LeadList(Model, frozen=True, kw_only=True):
    """A lead list of the organization."""

    list_id: str
    name: str


class AgentRun(Model, frozen=True, kw_only=True):
    """The state of a run of a smart agent, without its results."""

    status: str
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None


class EnrichmentStatus(Model, frozen=True, kw_only=True):
    """Progress and results of an enrichment. Results are kept as upstream sent them."""

    status: str
    workflow_id: str | None = None
    task_id: str | None = None
    progress: int | float | JsonObject | None = None
    summary: JsonObject | None = None
    results: tuple[JsonObject, ...] | None = None
    result: JsonObject | None = None
    enrichment_type: str | None = None
    lead_list_id: str | int | None = None
    submitted_at: JsonValue = None
    completed_at: JsonValue = None
    total: JsonValue = None
    completed: JsonValue = None
    failed: JsonValue = None
    credits_reserved: JsonValue = None
    credits_charged: JsonValue = None
    credits_refunded: JsonValue = None

    @property
    def begun_at(self) -> datetime | None:
        """When the enrichment was submitted; None if missing or unreadable."""
        return parse_timestamp(self.submitted_at)

    @property
    def charged(self) -> Decimal | None:
        """Credits that the enrichment finally cost; None if upstream does not say."""
        return parse_credits(self.credits_charged)

    @property
    def reserved(self) -> Decimal | None:
        """Credits that were reserved on submission; None if upstream does not say."""
        reserved, refunded = parse_credits(self.credits_reserved), parse_credits(self.credits_refunded)
        if reserved is not None or refunded is None or self.charged is None:
            return reserved
        return self.charged + refunded

    @property
    def finished_at(self) -> datetime | None:
        """When the enrichment finished; None if missing or unreadable."""
        return parse_timestamp(self.completed_at)
