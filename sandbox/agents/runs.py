"""Runs of smart agents: started with a quote, charged row by row, never reserved."""

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from sandbox.auth.authentication import Principal
from sandbox.credits import ledger, pricing, quotes
from sandbox.db.agent_tables import AgentCell, AgentRow, AgentRun
from sandbox.db.column_types import utc_now
from sandbox.db.lead_tables import Lead, LeadList
from sandbox.db.tables import Fact
from sandbox.directory.world import World
from sandbox.enrichment.workflows import RunTime
from sandbox.errors import ApiError, not_found
from sandbox.lists import lead_lists, leads
from sandbox.lists.schemas import LeadRow

from .schemas import RunAgent

# What an agent says of a lead of which it knows neither a name nor a company.
NOTHING_KNOWN = "The lead has neither a name nor a company."
SHORT_FORMS = {"VP of": "Vice President", "Chief": "C-Level", "Sr": "Senior", "Mgr": "Manager"}
PAIN_POINTS = (
    "Contact data goes stale faster than the team can correct it.",
    "Reporting takes days, because the numbers come from five tools.",
    "Hiring is slower than the growth that is planned.",
    "The sales cycle is long, and few deals are forecast well.",
)


def answer(agent_type: str, prompt: str | None, lead: Lead, world: World) -> str | None:
    """Return the value for a lead, or None if there is nothing to go by."""
    row = leads.lead_row(lead)
    if not (row.full_name or row.company):
        return None
    who = row.full_name or "the team"
    where = row.company or "an unknown company"
    if agent_type == "title_normalizer":
        return _normal_title(row)
    if agent_type == "company_intel":
        return _company_intel(lead, where, world)
    if agent_type == "cold_intro_email":
        first = row.first_name or "there"
        return f"Hi {first}, I noticed what {where} is doing. Would a short call next week suit you?"
    if agent_type == "pain_point_hypothesis":
        return PAIN_POINTS[zlib.crc32(where.encode()) % len(PAIN_POINTS)]
    return f"{who} at {where}: answer to “{(prompt or '')[:200]}”"


def _normal_title(row: LeadRow) -> str:
    title = row.title or "Unknown"
    for short, long in SHORT_FORMS.items():
        if title.startswith(short):
            title = f"{long}{title[len(short) :]}"
    return title


def _company_intel(lead: Lead, where: str, world: World) -> str:
    domain = str((lead.contact.get("company") or {}).get("domain") or "")
    company = world.find_company(domain=domain) if domain else world.find_company(company_id="", name=where)
    if company is None:
        return f"Nothing is published about {where}."
    return f"{company.name}: {company.industry}, {company.employee_count_range} employees, {company.location}."


PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
OPEN = (PENDING, PROCESSING)
# Above this, the service demands an approval that only its portal can give.
APPROVAL_ABOVE = 500
MAX_COLUMNS = 50
# Rows of one transaction, which holds the write lock; after a stop many can be due.
BATCH = 50
FAR_FUTURE = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
# Open runs of an organization at a time; what is not documented is not small.
MAX_OPEN = 50
LIST_DELETED = "The list was deleted"
HELD = "smart_agents.held"
NO_CREDITS = "Insufficient credits"


def start(session: Session, caller: Principal, body: RunAgent, run_time: RunTime) -> tuple[AgentRun, int]:
    """Redeem the quote and start a run; returns it with its estimated cost. Raises `ApiError` 400, 404 or 409."""
    lead_list = lead_lists.find_list(session, caller, body.list_id)
    if body.agent_type == "custom_ai" and not (body.prompt or "").strip():
        raise _refused("validation_error", "custom_ai needs a prompt.", "Send prompt.")
    _check_open_runs(session, caller)
    rows = _chosen_leads(session, lead_list, body)
    _check_columns(session, lead_list, body.column_name)
    cost = pricing.agent_cost(body.agent_type, len(rows))
    terms = {"list_id": body.list_id, "agent_type": body.agent_type}
    quoted_column = quotes.terms_of(body.quote_id, session).get("column_name")
    if quoted_column is not None:
        terms["column_name"] = body.column_name
    quotes.redeem(session, caller.organization_id, body.quote_id, "run_smart_agent", cost, **terms)
    run = _add_run(session, caller, lead_list, body, len(rows), run_time)
    session.execute(
        insert(AgentRow), [{"run_id": run.id, "position": at, "lead_id": lead.id} for at, lead in enumerate(rows)]
    )
    return run, cost


def _chosen_leads(session: Session, lead_list: LeadList, body: RunAgent) -> list[Lead]:
    if body.lead_scope == "all":
        size = lead_lists.count_leads(session, lead_list.id)
        if size > APPROVAL_ABOVE:
            problem = f"A run over all {size:,} leads needs an approval; {APPROVAL_ABOVE} are free of it."
            raise _refused("approval_required", problem, "Use lead_scope subset.")
    limit = APPROVAL_ABOVE if body.lead_scope == "all" else body.max_rows
    rows, _ = leads.page_of_leads(session, lead_list.id, limit, None)
    if not rows:
        raise _refused("validation_error", "The list has no leads.", "Add leads first.")
    return rows


def _check_columns(session: Session, lead_list: LeadList, column_name: str) -> None:
    names = set(column_names(session, lead_list.id))
    if column_name not in names and len(names) >= MAX_COLUMNS:
        raise _refused("validation_error", f"A list has at most {MAX_COLUMNS} columns.", "Use one that exists.")


def _check_open_runs(session: Session, caller: Principal) -> None:
    mine = AgentRun.organization_id == caller.organization_id, AgentRun.status.in_(OPEN)
    if (session.scalar(select(func.count()).where(*mine)) or 0) >= MAX_OPEN:
        raise ApiError(429, "too_many_runs", f"{MAX_OPEN} runs are open, which is the most.", "Wait.", retry_after=5)


def end_runs_of(session: Session, list_id: str) -> None:
    """End the open runs on a list that is deleted: what they have not done yet fails, and costs nothing."""
    ended = AgentRun.lead_list_id == list_id, AgentRun.status.in_(OPEN)
    rows = update(AgentRow).where(AgentRow.run_id.in_(select(AgentRun.id).where(*ended)), AgentRow.done.is_(False))
    session.execute(rows.values(done=True, error=LIST_DELETED))
    session.execute(update(AgentRun).where(*ended).values(status=FAILED))


def column_names(session: Session, list_id: str) -> list[str]:
    """Return the columns that smart agents have filled in a list, oldest first."""
    named = select(AgentRun.column_name).where(AgentRun.lead_list_id == list_id).group_by(AgentRun.column_name)
    return list(session.scalars(named.order_by(func.min(AgentRun.created_at), AgentRun.column_name)))


def _add_run(  # noqa: PLR0917 - what a run consists of
    session: Session, caller: Principal, lead_list: LeadList, body: RunAgent, total: int, run_time: RunTime
) -> AgentRun:
    starts = _start_time(session)
    run = AgentRun(
        organization_id=caller.organization_id,
        user_id=caller.user_id,
        lead_list_id=lead_list.id,
        column_name=body.column_name,
        agent_type=body.agent_type,
        prompt=body.prompt if body.agent_type == "custom_ai" else None,
        overwrite=body.overwrite,
        status=PENDING,
        total=total,
        submitted_at=starts,
        finish_at=starts + run_time.duration(total),
    )
    session.add(run)
    session.flush()
    return run


def find_run(session: Session, caller: Principal, run_id: str) -> AgentRun:
    """Return a run on a list that the caller may see. Raises a 404 `ApiError`."""
    on_visible = select(AgentRun).join(LeadList, LeadList.id == AgentRun.lead_list_id)
    run = session.scalar(on_visible.where(AgentRun.id == run_id, *lead_lists.visible_to(caller)))
    if run is None:
        raise not_found("No smart-agent run has this ID, or its list is deleted.")
    return run


def due_rows(run: AgentRun, now: dt.datetime) -> int:
    """Return how many rows have had their turn."""
    if now >= run.finish_at:
        return run.total
    if now <= run.submitted_at:  # held, or started by a clock that is ahead
        return 0
    share = (now - run.submitted_at) / (run.finish_at - run.submitted_at)
    return int(share * run.total)


def prepare(session: Session, run: AgentRun, now: dt.datetime, world: World) -> dict[str, str | None]:
    """Return the answers of the next batch by lead: made without the write lock, since each is looked for."""
    ids = [row.lead_id for row in _due(session, run, now)[:BATCH]]
    known = leads.leads_by_id(session, run.organization_id, ids)
    made = {lead.id: answer(run.agent_type, run.prompt, lead, world) for lead in known}
    return {lead_id: made.get(lead_id) for lead_id in ids}


def _due(session: Session, run: AgentRun, now: dt.datetime) -> Sequence[AgentRow]:
    """Return a batch of the rows that have had their turn, and one more if there are more."""
    waiting = AgentRow.run_id == run.id, AgentRow.position < due_rows(run, now), AgentRow.done.is_(False)
    return session.scalars(select(AgentRow).where(*waiting).order_by(AgentRow.position).limit(BATCH + 1)).all()


def advance(session: Session, run: AgentRun, now: dt.datetime, prepared: Mapping[str, str | None]) -> bool:
    """Store and charge a batch of answers; returns whether the run has ended. Idempotent.

    Rows whose answers are not prepared wait for the next time.
    """
    if run.status not in OPEN:
        return False
    mine = AgentRow.run_id == run.id
    rows = _due(session, run, now)
    ready = [row for row in rows if row.lead_id in prepared]
    if ready:
        _answer_rows(session, run, ready, prepared)
        run.status = PROCESSING
    if len(ready) < len(rows):
        return False
    if now < run.finish_at:
        return False
    succeeded = session.scalar(select(func.count()).where(mine, AgentRow.error.is_(None)))
    run.status = COMPLETED if succeeded else FAILED
    return True


def _answer_rows(session: Session, run: AgentRun, rows: list[AgentRow], prepared: Mapping[str, str | None]) -> None:
    kept = _present_values(session, run)
    price = pricing.AGENT_COST[run.agent_type]
    affordable = int(ledger.balance(session, run.organization_id) // price)
    charged = 0
    for row in rows:
        row.done = True
        if row.lead_id in kept and not run.overwrite:
            row.value = kept[row.lead_id]
            continue
        value = prepared[row.lead_id]
        if value is None:
            row.error = NOTHING_KNOWN
        elif charged >= affordable:
            row.error = NO_CREDITS
        else:
            row.value = value
            charged += 1
            _set_cell(session, run, row.lead_id, value)
    ledger.charge(session, run.organization_id, price * Decimal(charged), run.id)
    session.flush()


def _present_values(session: Session, run: AgentRun) -> dict[str, str]:
    cells = select(AgentCell.lead_id, AgentCell.value).filter_by(
        lead_list_id=run.lead_list_id, column_name=run.column_name
    )
    return {lead_id: value for lead_id, value in session.execute(cells)}  # noqa: C416 - rows are no pairs


def _set_cell(session: Session, run: AgentRun, lead_id: str, value: str) -> None:
    key = {"lead_list_id": run.lead_list_id, "column_name": run.column_name, "lead_id": lead_id}
    cell = upsert(AgentCell).values(**key, value=value)
    session.execute(cell.on_conflict_do_update(index_elements=list(key), set_={"value": value}))


def hold(session: Session, *, held: bool) -> int:
    """Let every open and new run wait, or go on from where it was; returns how many are open."""
    session.merge(Fact(name=HELD, value=str(held)))
    start = FAR_FUTURE if held else utc_now()
    waiting = AgentRun.status.in_(OPEN)
    session.execute(update(AgentRun).where(waiting).values(submitted_at=start, finish_at=start))
    return session.scalar(select(func.count()).select_from(AgentRun).where(waiting)) or 0


def _start_time(session: Session) -> dt.datetime:
    fact = session.get(Fact, HELD)
    return FAR_FUTURE if fact is not None and fact.value == str(True) else utc_now()


def _refused(code: str, problem: str, fix: str) -> ApiError:
    return ApiError(400, code, problem, fix)
