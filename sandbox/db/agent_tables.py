"""Tables of smart agents, and of the connections to CRMs and sequencers."""

import datetime as dt

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from .column_types import utc_now
from .tables import Base, new_id


class AgentRun(Base):
    """One run over the leads of a list; status is pending, processing, completed or failed."""

    __tablename__ = "agent_runs"
    __table_args__ = (
        Index("agent_runs_due", "status", "finish_at"),
        Index("agent_runs_by_list", "lead_list_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("run"))
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    lead_list_id: Mapped[str] = mapped_column(ForeignKey("lead_lists.id"))
    column_name: Mapped[str]
    agent_type: Mapped[str]
    prompt: Mapped[str | None]
    overwrite: Mapped[bool]
    status: Mapped[str]
    total: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    # When its rows begin to have their turns, and the last one has had it.
    submitted_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    finish_at: Mapped[dt.datetime]


class AgentRow(Base):
    """One lead of a run; neither value nor error before its turn."""

    __tablename__ = "agent_rows"

    run_id: Mapped[str] = mapped_column(ForeignKey("agent_runs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[str] = mapped_column(ForeignKey("leads.id"))
    done: Mapped[bool] = mapped_column(default=False)
    value: Mapped[str | None]
    error: Mapped[str | None]


class AgentCell(Base):
    """The present value of a column for a lead of a list."""

    __tablename__ = "agent_cells"

    lead_list_id: Mapped[str] = mapped_column(ForeignKey("lead_lists.id"), primary_key=True)
    column_name: Mapped[str] = mapped_column(primary_key=True)
    lead_id: Mapped[str] = mapped_column(ForeignKey("leads.id"), primary_key=True)
    value: Mapped[str]


class Connection(Base):
    """How an organization's connection to a CRM or sequencer is, where it is not healthy."""

    __tablename__ = "connections"

    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
