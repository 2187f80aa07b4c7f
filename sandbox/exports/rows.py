"""The rows of an export: leads, with the chosen columns and those of smart agents."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.agents.runs import column_names
from sandbox.db.agent_tables import AgentCell
from sandbox.db.lead_tables import Lead
from sandbox.db.store import Store
from sandbox.envelope import iso
from sandbox.errors import ApiError
from sandbox.lists import leads
from sandbox.lists.schemas import LeadRow

from .columns import DEFAULT_COLUMNS, MORE_COLUMNS

BATCH = 500
# What a spreadsheet would calculate, also in the full-width form of the signs; a phone number only looks like it.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20](?!\d+$)")


def choose_columns(session: Session, list_id: str, columns: Sequence[str] | None, *, agents: bool) -> list[str]:
    """Return the columns of an export. Raises a 400 `ApiError` for one that there is not."""
    added = column_names(session, list_id)
    chosen = list(DEFAULT_COLUMNS if columns is None else dict.fromkeys(columns))
    unknown = sorted(set(chosen) - {*DEFAULT_COLUMNS, *MORE_COLUMNS, *added})
    if unknown or not chosen:
        raise ApiError(
            400,
            "validation_error",
            "There are no such columns." if unknown else "No column is chosen.",
            f"Use {', '.join((*DEFAULT_COLUMNS, *MORE_COLUMNS))}.",
            extra={"details": {"unknown_columns": unknown[:10]}},
        )
    return list(dict.fromkeys([*chosen, *(added if agents else ())]))


def project(session: Session, list_id: str, rows: Sequence[Lead], columns: Sequence[str]) -> list[dict[str, object]]:
    """Return these columns of leads."""
    named = [name for name in columns if name not in {*DEFAULT_COLUMNS, *MORE_COLUMNS}]
    cells: dict[tuple[str, str], str] = {}
    if named:
        query = select(AgentCell).where(
            AgentCell.lead_list_id == list_id,
            AgentCell.column_name.in_(named),
            AgentCell.lead_id.in_([lead.id for lead in rows]),
        )
        cells = {(cell.lead_id, cell.column_name): cell.value for cell in session.scalars(query)}
    return [{name: _value(lead, name, cells.get((lead.id, name))) for name in columns} for lead in rows]


def csv_lines(store: Store, list_id: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield a list as CSV with a header, a batch of leads at a time.

    Each has a session of its own: who reads slowly must not keep a connection.
    """
    yield _csv([[_cell(name) for name in columns]])
    cursor: str | None = None
    while True:
        with store.reading() as session:
            rows, cursor = leads.page_of_leads(session, list_id, BATCH, cursor)
            shown = project(session, list_id, rows, columns)
        yield _csv([[_cell(row[name]) for name in columns] for row in shown])
        if cursor is None:
            return


def _value(lead: Lead, name: str, cell: str | None) -> object:
    if name in {"domain", "company_domain"}:
        return (lead.contact.get("company") or {}).get("domain")
    if name == "email_status":
        return lead.contact.get("primary_email_status")
    if name == "enriched":
        return lead.enriched
    if name == "created_at":
        return iso(lead.created_at)
    return getattr(leads.lead_row(lead), name) if name in LeadRow.model_fields else cell


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if _FORMULA.match(text) else text
