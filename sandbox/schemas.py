"""What goes in and out, as the service's documentation and its OpenAPI file have it."""

import datetime as dt
import uuid
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from .bodies import Body, Identifier, Name, Text, Url, at_most
from .db.column_types import JsonObject

MAX_CONTACTS = 250
MAX_JUDGED = 5000  # contacts of a body; each that is wrong is named, as upstream does, also beyond the 250
# Of a run of smart agents.
MAX_COLUMN_NAME, MAX_AGENT_ROWS = 100, 10_000
CONTACT_RULE = "Each contact must include linkedin_url OR first_name + last_name + (company_domain or company_name)."


class CreateKey(BaseModel):
    """Body of `POST /api/v1/api-keys`."""

    name: Text | None = Field(None, max_length=255)
    expires_at: dt.datetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _in_the_future(cls, value: dt.datetime | None) -> dt.datetime | None:
        """Upstream does not say how it takes a past instant; a key that is born dead helps nobody."""
        if value is None:
            return None
        try:
            value = value.replace(tzinfo=value.tzinfo or dt.UTC).astimezone(dt.UTC)
        except OverflowError as error:
            raise ValueError("expires_at is out of range") from error
        if value <= dt.datetime.now(dt.UTC):
            raise ValueError("expires_at must be in the future")
        return value


class CreatedKey(BaseModel):
    """The one answer that holds a secret."""

    api_key: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


class KeyRow(BaseModel):
    """One key in the management list."""

    id: uuid.UUID
    name: str | None
    key_prefix: str
    key_last4: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    request_count: int
    is_active: bool


class RequestRow(BaseModel):
    """One row of a key's request log."""

    id: uuid.UUID
    method: str
    path: str
    status_code: int
    duration_ms: int
    ip_address: str | None
    user_agent: str | None
    created_at: dt.datetime


class Outcome(BaseModel):
    """Answer of the revoking calls."""

    success: bool
    message: str


class ValidKey(BaseModel):
    """Answer of validate-key."""

    valid: bool
    user_id: str
    organization_id: str


class Balance(BaseModel):
    """Answer of credits/balance on the older surface: may be fractional."""

    organization_id: str
    credits: int | float


class BalanceV2(BaseModel):
    """Answer of credits/balance on v2: whole credits."""

    organization_id: str
    credits: int
    timestamp_ms: int
    agent_instructions: str


class Whoami(BaseModel):
    """Identity and entitlements of the caller."""

    user_email: str | None
    user_id: str | None
    user_name: str | None
    organization_id: str
    organization_name: str | None
    auth_type: Literal["clerk_jwt", "api_key", "oauth"]
    scopes: list[str]
    tier: Literal["free", "starter", "pro", "enterprise"]
    appsumo_tier: int | None = None
    features: list[str]
    timestamp_ms: int


class LightKey(BaseModel):
    """One key as the older public list shows it."""

    key_id: str
    key_prefix: str
    key_last4: str
    is_active: bool


class LightKeyV2(LightKey):
    """One key as v2 shows it; instants are plain text there."""

    name: str | None
    scopes: list[str]
    created_at: str | None
    last_used_at: str | None


class LightKeysV2(BaseModel):
    """Answer of v2's key list."""

    keys: list[LightKeyV2]


class UsageRow(BaseModel):
    """One bucket of the usage report."""

    group: str
    calls: int
    credits_spent: float
    errors: int


class Usage(BaseModel):
    """The usage report of an organization."""

    days: int
    group_by: str
    total_calls: int
    total_credits_spent: float
    total_errors: int
    rows: list[UsageRow]


class EstimateRequest(Body):
    """Body of credits/estimate."""

    tool: Identifier
    list_id: Identifier | None = None
    filters: dict[str, object] | None = None
    row_count: int | None = None
    scope: Identifier | None = None
    agent_type: Identifier | None = None
    include_phone: bool = False
    provider: Identifier | None = None
    sub_action: Identifier | None = None
    enrichment_type: Identifier | None = None
    task_id: Identifier | None = None
    data_points: Annotated[list[Identifier], Field(max_length=20), at_most(20)] | None = None
    entity_ids: Annotated[list[Identifier], Field(max_length=2000), at_most(2000)] | None = None
    extra: dict[str, object] | None = None

    @field_validator("extra")
    @classmethod
    def _is_in_range(cls, value: dict[str, object] | None) -> dict[str, object] | None:
        """Refuse what no run of a smart agent can have; a quote keeps the name of the column."""
        name, rows = (value or {}).get("column_name"), (value or {}).get("max_rows")
        if name is not None and not (isinstance(name, str) and 1 <= len(name) <= MAX_COLUMN_NAME):
            limit = {"limit": MAX_COLUMN_NAME}
            raise PydanticCustomError("value_error", "column_name is a text of 1 to {limit} characters.", limit)
        if rows is not None and not (type(rows) is int and 1 <= rows <= MAX_AGENT_ROWS):
            limit = {"limit": MAX_AGENT_ROWS}
            raise PydanticCustomError("value_error", "max_rows is a number from 1 to {limit}.", limit)
        return value


class Estimate(BaseModel):
    """A signed quote."""

    quote_id: str
    expires_at: int
    estimated_cost: int
    tool: str
    row_count: int
    filter_hash: str
    available_credits: int
    sufficient: bool


def _identified(strong: tuple[str, ...], company: tuple[str, ...]) -> JsonObject:
    """Return the rule of who can be identified, as the OpenAPI document states it."""
    filled = {"type": "string", "minLength": 1}
    ways = [(name,) for name in strong] + [("first_name", "last_name", name) for name in company]
    return {"anyOf": [{"required": list(way), "properties": dict.fromkeys(way, filled)} for way in ways]}


class Contact(BaseModel):
    """One contact of a bulk enrichment."""

    model_config = ConfigDict(json_schema_extra=_identified(("linkedin_url",), ("company_domain", "company_name")))

    # Without limits of their own: upstream documents none, and people check here what it takes.
    linkedin_url: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company_domain: Text | None = None
    company_name: Text | None = None
    email: Text | None = None

    @model_validator(mode="after")
    def _can_be_identified(self) -> Self:
        named = self.first_name and self.last_name and (self.company_domain or self.company_name)
        if not (self.linkedin_url or named):
            raise PydanticCustomError("value_error", CONTACT_RULE)
        return self


def _first_ones(given: object) -> object:
    """Cut off what is far too long, so that a body of zeros doesn't get a million errors."""
    return given[:MAX_JUDGED] if isinstance(given, list) else given


class BulkRequest(BaseModel):
    """Body of enrich/bulk."""

    enrichment_type: Literal["none", "partial", "phone_only", "full"] = "partial"
    # Described only: what breaks it is answered with 400, in the words of the documentation.
    contacts: Annotated[list[Contact], BeforeValidator(_first_ones)] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MAX_CONTACTS}
    )
    webhook_url: Text | None = None


class BulkAccepted(BaseModel):
    """Answer of enrich/bulk."""

    workflow_id: str
    status: Literal["processing"] = "processing"
    message: str
    task_ids: list[str]
    total_contacts: int


class PersonRequest(Body):
    """Body of enrichment/person."""

    model_config = ConfigDict(
        json_schema_extra=_identified(("email", "linkedin_url", "person_id"), ("company_name", "domain")),
    )

    lead_list_id: Identifier
    email: Name | None = None
    linkedin_url: Url | None = None
    phone: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    company_name: Name | None = None
    domain: Name | None = None
    person_id: Name | None = None
    enrichment_type: Literal["partial", "phone_only", "full"] | None = None
    include_phone: bool = False
    quote_id: Identifier | None = None

    @property
    def can_be_identified(self) -> bool:
        """Return whether a strong identifier, or a name with a company, is there."""
        named = self.first_name and self.last_name and (self.company_name or self.domain)
        return bool(self.email or self.linkedin_url or self.person_id or named)

    @property
    def scope(self) -> Literal["partial", "phone_only", "full"]:
        """The enrichment type; the older `include_phone` decides when none is named."""
        return self.enrichment_type or ("phone_only" if self.include_phone else "partial")


class DeliveryRow(BaseModel):
    """One delivery attempt of a webhook."""

    id: uuid.UUID
    workflow_id: str
    attempt_number: int
    url: str
    status: Literal["success", "failed"]
    response_status_code: int | None
    error_message: str | None
    response_time_ms: int | None
    attempted_at: dt.datetime
    created_at: dt.datetime


class Deliveries(BaseModel):
    """Answer of webhooks/deliveries; upstream's envelope is not documented, this one is the sandbox's."""

    deliveries: list[DeliveryRow]
