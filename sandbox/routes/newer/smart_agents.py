"""Smart agents: run one over a list, and read what it answered."""

from typing import Annotated

from fastapi import Query
from sqlalchemy import func, select
from starlette.convertors import StringConvertor, register_url_convertor

from sandbox.agents import runs
from sandbox.agents.schemas import ResultRow, RunAgent, RunResults, Runs, RunSummary, StartedRun
from sandbox.db.agent_tables import AgentRow, AgentRun
from sandbox.db.lead_tables import LeadList
from sandbox.enrichment import workflows
from sandbox.envelope import iso
from sandbox.lists import lead_lists
from sandbox.routes.dependencies import AgentsReader, AgentsRunner, Sandbox
from sandbox.routes.refusals import Refusal, refusals

from .shared import SharedRoutes

shared = SharedRoutes()


@shared.post("/smart-agents/run", responses=refusals(Refusal, 409))
def run_smart_agent(caller: AgentsRunner, sandbox: Sandbox, body: RunAgent) -> StartedRun:
    """Start an agent over a list, with a quote for it; rows are charged as they complete."""
    run_time = workflows.DEFAULT_RUN_TIME.times(sandbox.settings.enrichment_pace)
    with sandbox.store.session() as session:
        run, cost = runs.start(session, caller, body, run_time)
    return StartedRun(
        task_id=run.id,
        smart_agent_task_id=run.id,
        smart_agent_task_ids={run.agent_type: run.id},
        list_id=run.lead_list_id,
        column_name=run.column_name,
        estimated_cost=cost,
        agent_instructions=f"Poll GET /smart-agents/{run.id} for the results.",
    )


@shared.get("/smart-agents")
def list_smart_agents(
    caller: AgentsReader,
    sandbox: Sandbox,
    list_id: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Runs:
    """Return the latest runs, of one list or of all that the caller may see."""
    failed = func.count(AgentRow.position).filter(AgentRow.error.is_not(None))
    query = (
        select(AgentRun, func.count(AgentRow.position).filter(AgentRow.done), failed)
        .join(AgentRow, AgentRow.run_id == AgentRun.id)
        .join(LeadList, LeadList.id == AgentRun.lead_list_id)
        .group_by(AgentRun.id)
        .order_by(AgentRun.created_at.desc(), AgentRun.id)
        .limit(limit)
    )
    with sandbox.store.reading() as session:
        if list_id is None:
            query = query.where(*lead_lists.visible_to(caller))
        else:
            query = query.where(LeadList.id == lead_lists.find_list(session, caller, list_id).id)
        found = [_summary(*row) for row in session.execute(query)]
    return Runs(runs=found, total=len(found))


class _RunId(StringConvertor):
    """The ID of a run, which is not the name of the call that starts one."""

    regex = "(?!run$)[^/]+"


register_url_convertor("run_id", _RunId())


@shared.get("/smart-agents/{smart_agent_task_id:run_id}")
def get_smart_agent_results(caller: AgentsReader, sandbox: Sandbox, smart_agent_task_id: str) -> RunResults:
    """Return the results of a run; they grow while it runs."""
    with sandbox.store.reading() as session:
        run = runs.find_run(session, caller, smart_agent_task_id)
        done = select(AgentRow).where(AgentRow.run_id == run.id, AgentRow.done).order_by(AgentRow.position)
        rows = session.scalars(done).all()
    failed = sum(row.error is not None for row in rows)
    return RunResults(
        smart_agent_task_id=run.id,
        status=run.status,
        progress=len(rows) * 100 // run.total,
        total=run.total,
        succeeded=len(rows) - failed,
        failed=failed,
        results=[ResultRow(lead_id=row.lead_id, value=row.value, error=row.error) for row in rows],
    )


def _summary(run: AgentRun, processed: int, failed: int) -> RunSummary:
    return RunSummary(
        task_id=run.id,
        list_id=run.lead_list_id,
        column_name=run.column_name,
        agent_type=run.agent_type,
        status=run.status,
        total=run.total,
        processed=processed,
        failed=failed,
        created_at=iso(run.created_at),
    )
