"""Tables of lead lists, their leads, and what refers to a set of them: cohorts and idempotency keys."""

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .column_types import JsonObject, utc_now
from .tables import Base, User, new_uuid


class LeadList(Base):
    """A named list of leads; origin is user, public_api (DEFAULT) or scratch. Deleted ones stay for their workflows."""

    __tablename__ = "lead_lists"
    __table_args__ = (Index("lead_lists_by_owner", "owner_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    origin: Mapped[str] = mapped_column(default="user", server_default="user")
    visibility: Mapped[str] = mapped_column(default="private", server_default="private")
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[dt.datetime | None]

    owner: Mapped[User | None] = relationship()


class Lead(Base):
    """One person that an organization keeps; in any number of lists. `identity` tells who it is, None for old rows."""

    __tablename__ = "leads"
    __table_args__ = (UniqueConstraint("organization_id", "identity"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    identity: Mapped[str | None]
    contact: Mapped[JsonObject]
    enriched: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)


class ListMember(Base):
    """A lead in a list; lists show their leads in the order of `sequence`."""

    __tablename__ = "list_members"
    __table_args__ = (
        UniqueConstraint("lead_list_id", "lead_id"),
        Index("list_members_in_order", "lead_list_id", "sequence"),
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    lead_list_id: Mapped[str] = mapped_column(ForeignKey("lead_lists.id"))
    lead_id: Mapped[str] = mapped_column(ForeignKey("leads.id"), index=True)


class Cohort(Base):
    """The entities of one page of results, which later calls name by its handle; kind is leads, people or companies."""

    __tablename__ = "cohorts"
    __table_args__ = (Index("cohorts_by_organization", "organization_id", "expires_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    kind: Mapped[str]
    entity_ids: Mapped[list[str]]
    workflow_id: Mapped[str | None]
    expires_at: Mapped[dt.datetime]


class IdempotencyKey(Base):
    """The answer of a call that had an idempotency key, for when it is sent again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_by_age", "organization_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    answer: Mapped[JsonObject] = mapped_column(JSON())
    # What the call was for, where another one with its key is refused.
    request_hash: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
