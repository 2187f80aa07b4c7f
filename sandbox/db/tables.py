"""The sandbox's tables. Identifiers are text in the formats of upstream (`org_…`, `user_…`)."""

import datetime as dt
import secrets
import uuid
from decimal import Decimal

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from .column_types import Credits, JsonObject, UtcDateTime, utc_now


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as `user_3f…` (24 hex digits after the prefix)."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_uuid() -> str:
    """Return a fresh random UUID as text."""
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    """Maps Python types to columns for every table below."""

    type_annotation_map = {
        dt.datetime: UtcDateTime(),
        Decimal: Credits(),
        JsonObject: JSON(),
        list[str]: JSON(),
    }


class Fact(Base):
    """A named value about this data directory, such as the seed of the installed past."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Organization(Base):
    """A customer of the API; `credits` is the spendable balance after reservations."""

    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    tier: Mapped[str]
    features: Mapped[list[str]]
    credits: Mapped[Decimal] = mapped_column(default=Decimal(0))
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)


class User(Base):
    """A member of one organization; its scopes are those of each of its keys."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    email: Mapped[str]
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)

    organization: Mapped[Organization] = relationship()


class ClerkClientSession(Base):
    """A signed-in browser session at the identity provider; its client token mints session JWTs."""

    __tablename__ = "clerk_client_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    client_token_hash: Mapped[str]
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    revoked_at: Mapped[dt.datetime | None]


class ApiKey(Base):
    """An API key. Only its hash and its first 10 and last 4 characters are stored."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str | None]
    key_hash: Mapped[str] = mapped_column(unique=True)
    key_prefix: Mapped[str]
    key_last4: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    request_count: Mapped[int] = mapped_column(default=0)
    revoked_at: Mapped[dt.datetime | None]

    user: Mapped[User] = relationship()

    def is_active(self, now: dt.datetime) -> bool:
        """Return whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class RequestLog(Base):
    """One public API call made with a key. `sequence` breaks ties between equal times."""

    __tablename__ = "request_logs"
    __table_args__ = (
        Index("request_logs_by_key", "key_id", "created_at", "sequence"),
        Index("request_logs_by_organization", "organization_id", "created_at"),
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(default=new_uuid)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    method: Mapped[str]
    path: Mapped[str]
    status_code: Mapped[int]
    duration_ms: Mapped[int]
    ip_address: Mapped[str | None]
    user_agent: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)


class LedgerEntry(Base):
    """One change of an organization's balance: kind is grant, reserve, settle, release or set."""

    __tablename__ = "ledger_entries"
    __table_args__ = (Index("ledger_entries_by_organization", "organization_id", "at"),)

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    kind: Mapped[str]
    amount: Mapped[Decimal]
    balance_after: Mapped[Decimal]
    workflow_id: Mapped[str | None] = mapped_column(index=True)
    at: Mapped[dt.datetime] = mapped_column(default=utc_now)


class Quote(Base):
    """A signed cost estimate, valid once until it expires."""

    __tablename__ = "quotes"

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    tool: Mapped[str]
    scope: Mapped[str | None]
    row_count: Mapped[int]
    estimated_cost: Mapped[int]
    filter_hash: Mapped[str]
    # What the quote was asked for; the call that redeems it has to be for the same.
    terms: Mapped[JsonObject | None] = mapped_column(JSON())
    issued_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[dt.datetime]
    redeemed_at: Mapped[dt.datetime | None]


class Workflow(Base):
    """One submitted enrichment; status is processing, completed or failed; kind is bulk, person, list or cohort."""

    __tablename__ = "workflows"
    __table_args__ = (
        Index("workflows_due", "status", "finish_at"),
        Index("workflows_by_organization", "organization_id", "submitted_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    api_key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    lead_list_id: Mapped[str | None] = mapped_column(ForeignKey("lead_lists.id"))
    enrichment_type: Mapped[str]
    webhook_url: Mapped[str | None]
    status: Mapped[str]
    submitted_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    finish_at: Mapped[dt.datetime]
    completed_at: Mapped[dt.datetime | None]
    reserved: Mapped[Decimal] = mapped_column(default=Decimal(0))
    settled: Mapped[Decimal | None]

    tasks: Mapped[list["WorkflowTask"]] = relationship(order_by="WorkflowTask.position", back_populates="workflow")


class WorkflowTask(Base):
    """One contact of a workflow, with its result and cost."""

    __tablename__ = "workflow_tasks"
    __table_args__ = (Index("workflow_tasks_by_workflow", "workflow_id", "position"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"))
    position: Mapped[int]
    contact: Mapped[JsonObject]
    status: Mapped[str]
    result: Mapped[JsonObject | None] = mapped_column(JSON())
    lead_id: Mapped[str | None]
    credits: Mapped[Decimal] = mapped_column(default=Decimal(0))

    workflow: Mapped[Workflow] = relationship(back_populates="tasks")


class Delivery(Base):
    """The webhook of one finished workflow; state is pending, delivered or failed."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_due", "state", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"), index=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    url: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)


class DeliveryAttempt(Base):
    """One POST of a webhook and how it ended; status is success or failed."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        Index("delivery_attempts_by_workflow", "workflow_id", "attempted_at"),
        Index("delivery_attempts_by_organization", "organization_id", "attempted_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), index=True)
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    attempt_number: Mapped[int]
    url: Mapped[str]
    status: Mapped[str]
    response_status_code: Mapped[int | None]
    error_message: Mapped[str | None]
    response_time_ms: Mapped[int | None]
    attempted_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
