"""Runs of smart agents as the engine advances them."""

import datetime as dt

import pytest
from sqlalchemy import select

from sandbox import engine
from sandbox.agents import runs
from sandbox.credits import ledger
from sandbox.db.agent_tables import AgentRow, AgentRun
from sandbox.db.column_types import utc_now
from sandbox.db.lead_tables import Lead, LeadList

from .conftest import ORGANIZATION, USER


@pytest.fixture
def add_run(funded):
    """Add a run that has ended its wait, over this many leads of one company."""

    def add(leads, *, company="Brytwell Lab", finish_at=None):
        with funded.session() as session:
            lead_list = LeadList(organization_id=ORGANIZATION, owner_id=USER, name="Agents")
            rows = [
                Lead(organization_id=ORGANIZATION, contact={"prospect": {}, "company": {"name": company}})
                for _ in range(leads)
            ]
            session.add_all([lead_list, *rows])
            session.flush()
            at = finish_at or utc_now()
            fixed = {"organization_id": ORGANIZATION, "user_id": USER, "lead_list_id": lead_list.id}
            run = AgentRun(
                **fixed, column_name="A", agent_type="company_intel", prompt=None, overwrite=False,
                status=runs.PENDING, total=leads, submitted_at=at, finish_at=at,
            )  # fmt: skip
            session.add(run)
            session.flush()
            session.add_all(AgentRow(run_id=run.id, position=at, lead_id=row.id) for at, row in enumerate(rows))
            return run.id

    return add


def advance_until_idle(store):
    for turn in range(100):
        engine.advance_due_agents(store, utc_now())
        with store.reading() as session:
            if session.scalar(select(AgentRun.id).where(AgentRun.status.in_(runs.OPEN))) is None:
                return turn + 1
    raise AssertionError("runs stay open")


def status(store, run_id):
    with store.reading() as session:
        return session.get_one(AgentRun, run_id).status


def test_a_run_whose_start_is_later_waits_and_stops_no_other(add_run, funded):
    later = add_run(2, finish_at=runs.FAR_FUTURE)
    now = add_run(2)
    assert engine.advance_due_agents(funded, utc_now()) == 1
    assert (status(funded, now), status(funded, later)) == (runs.COMPLETED, runs.PENDING)
    with funded.reading() as session:
        assert runs.due_rows(session.get_one(AgentRun, later), utc_now()) == 0


def test_a_run_that_cannot_be_advanced_stops_no_other(add_run, funded, monkeypatch, caplog):
    broken, sound = add_run(1), add_run(1, finish_at=utc_now() + dt.timedelta(milliseconds=1))
    due_rows = runs.due_rows

    def fail(run, now):
        if run.id == broken:
            raise ZeroDivisionError
        return due_rows(run, now)

    monkeypatch.setattr(runs, "due_rows", fail)
    engine.advance_due_agents(funded, utc_now() + dt.timedelta(seconds=1))
    assert (status(funded, broken), status(funded, sound)) == (runs.PENDING, runs.COMPLETED)
    assert broken in caplog.text


def test_answers_are_made_without_the_write_lock_a_batch_at_a_time(add_run, funded, monkeypatch):
    run_id = add_run(120)
    answer, seen = runs.answer, []

    def while_others_write(*arguments):
        with funded.session() as session:
            seen.append(ledger.balance(session, ORGANIZATION))
        return answer(*arguments)

    monkeypatch.setattr(runs, "answer", while_others_write)
    assert advance_until_idle(funded) == 3
    assert status(funded, run_id) == runs.COMPLETED
    assert seen == [1000] * 50 + [950] * 50 + [900] * 20


def test_rows_of_a_deleted_list_fail_uncharged(add_run, funded):
    run_id = add_run(60)
    engine.advance_due_agents(funded, utc_now())
    with funded.session() as session:
        runs.end_runs_of(session, session.get_one(AgentRun, run_id).lead_list_id)
    assert engine.advance_due_agents(funded, utc_now()) == 0
    with funded.reading() as session:
        errors = session.scalars(select(AgentRow.error).where(AgentRow.run_id == run_id)).all()
        assert errors.count(runs.LIST_DELETED) == 10
        assert ledger.balance(session, ORGANIZATION) == ledger.sum_of_entries(session, ORGANIZATION) == 950
