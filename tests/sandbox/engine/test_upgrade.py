"""A data directory of the first version, whose results were rows of one list, opened by this one."""

import json
import sqlite3

from sandbox.db.lead_tables import Lead, LeadList
from sandbox.db.store import Store
from sandbox.db.tables import Organization, Quote, Workflow
from sandbox.enrichment import workflows
from sandbox.lists import lead_lists, leads
from sandbox.seed import ALL_FEATURES

from .conftest import ORGANIZATION, USER, submit
from .test_workflows import LATER

FIRST_VERSION = """
    PRAGMA foreign_keys=OFF;
    DROP TABLE list_members; DROP TABLE leads; DROP TABLE lead_lists; DROP TABLE cohorts; DROP TABLE idempotency_keys;
    CREATE TABLE lead_lists (
        id VARCHAR NOT NULL PRIMARY KEY, organization_id VARCHAR NOT NULL REFERENCES organizations (id),
        name VARCHAR NOT NULL, created_at BIGINT NOT NULL, UNIQUE (organization_id, name));
    CREATE TABLE leads (
        id VARCHAR NOT NULL PRIMARY KEY, lead_list_id VARCHAR NOT NULL REFERENCES lead_lists (id),
        workflow_id VARCHAR NOT NULL, task_id VARCHAR NOT NULL, contact JSON NOT NULL, created_at BIGINT NOT NULL);
    CREATE INDEX ix_leads_workflow_id ON leads (workflow_id);
    CREATE INDEX ix_leads_lead_list_id ON leads (lead_list_id);
    ALTER TABLE workflow_tasks DROP COLUMN lead_id;
    ALTER TABLE quotes DROP COLUMN terms;
    UPDATE organizations SET features = '["API_ACCESS"]';
"""


def make_old(path, workflow_id, task):
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_VERSION)
        connection.execute("INSERT INTO lead_lists VALUES ('ll_1', ?, 'DEFAULT', 1)", [ORGANIZATION])
        row = ["lead_1", "ll_1", workflow_id, task.id, json.dumps(task.result), 2]
        connection.execute("INSERT INTO leads VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("UPDATE workflows SET lead_list_id = 'll_1'")
    connection.close()


def test_nothing_is_lost(funded):
    workflow = submit(funded, [42], "partial", kind="person")
    with funded.session() as session:
        found = session.get_one(Workflow, workflow.id)
        workflows.advance(session, found, workflow.finish_at + LATER)
        (task,) = found.tasks
    funded.close()
    make_old(funded.path, workflow.id, task)

    for _ in range(2):
        upgraded = Store(funded.path)
        with upgraded.session() as session:
            assert session.connection().exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            kept = session.get_one(LeadList, "ll_1")
            assert (kept.name, kept.owner_id, kept.visibility) == ("DEFAULT", USER, "organization")
            assert [lead.id for lead in leads.page_of_leads(session, "ll_1", 10, None)[0]] == ["lead_1"]
            assert leads.lead_row(session.get_one(Lead, "lead_1")).full_name == "Contact 0042"
            shown = workflows.workflow_payload(session, session.get_one(Workflow, workflow.id))
            assert shown["result"]["lead_id"] == "lead_1"
            assert lead_lists.automatic_list(session, ORGANIZATION, "user_other").id == "ll_1"
            assert session.query(Quote).all() == []
            assert session.get_one(Organization, ORGANIZATION).features == ALL_FEATURES, "what it could do before"
        upgraded.close()


def test_a_directory_from_before_can_go_on(funded):
    workflow = submit(funded, [42], "partial", kind="person")
    with funded.reading() as session:
        (task,) = session.get_one(Workflow, workflow.id).tasks
    funded.close()
    make_old(funded.path, workflow.id, task)
    upgraded = Store(funded.path)
    with upgraded.session() as session:
        assert workflows.advance(session, session.get_one(Workflow, workflow.id), workflow.finish_at + LATER)
        assert len(leads.page_of_leads(session, "ll_1", 10, None)[0]) == 2
    upgraded.close()


def test_features_that_are_taken_away_stay_away(funded):
    with funded.session() as session:
        session.get_one(Organization, ORGANIZATION).features = ["API_ACCESS"]
    funded.close()
    again = Store(funded.path)
    with again.reading() as session:
        assert session.get_one(Organization, ORGANIZATION).features == ["API_ACCESS"]
    again.close()
