"""Brings the tables of an older data directory up to date; nothing is lost."""

import json

from sqlalchemy import bindparam, inspect, text
from sqlalchemy.engine import Connection, Engine

from sandbox.seed import ALL_FEATURES

from .agent_tables import AgentRun
from .lead_tables import Lead

ADDED_COLUMNS = {
    "workflow_tasks": {"lead_id": "VARCHAR"},
    "quotes": {"terms": "JSON"},
    "idempotency_keys": {"request_hash": "VARCHAR"},
}
# What organizations had while features allowed or refused nothing; they go on as they did.
_FORMER_FEATURES = (
    '["API_ACCESS"]',
    '["API_ACCESS", "data_source_csv_upload", "enrich_email", "enrich_phone", "search_people"]',
)


def create_or_upgrade(engine: Engine) -> None:
    """Create missing tables, add missing columns, and give leads and lists of the first version their own tables."""
    with engine.connect() as connection:
        # Renaming and dropping must not touch the tables that refer to these; it has no effect inside a transaction.
        connection.execution_options(begin=None)
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("PRAGMA legacy_alter_table=ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        old, without_features = _has_first_version(connection), _lacks(connection, "idempotency_keys", "request_hash")
        if old:
            _put_aside(connection)
        for table in (Lead, AgentRun):  # named, so that the modules of all tables are loaded
            table.metadata.create_all(connection)
        _add_columns(connection)
        if without_features:
            _keep_allowing(connection)
        if old:
            _move_leads(connection)
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA legacy_alter_table=OFF")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _has_first_version(connection: Connection) -> bool:
    return inspect(connection).has_table("lead_lists") and _lacks(connection, "lead_lists", "owner_id")


def _lacks(connection: Connection, table: str, name: str) -> bool:
    found = inspect(connection)
    return not found.has_table(table) or name not in {column["name"] for column in found.get_columns(table)}


def _put_aside(connection: Connection) -> None:
    for table in ("lead_lists", "leads"):
        for index in inspect(connection).get_indexes(table):
            connection.exec_driver_sql(f'DROP INDEX IF EXISTS "{index["name"]}"')
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO old_{table}")


def _add_columns(connection: Connection) -> None:
    for table, columns in ADDED_COLUMNS.items():
        for name, kind in columns.items():
            if _lacks(connection, table, name):
                connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _keep_allowing(connection: Connection) -> None:
    """Give organizations the features of calls that they could make without them."""
    change = text("UPDATE organizations SET features = :all WHERE features IN :former")
    every = {"all": json.dumps(ALL_FEATURES), "former": _FORMER_FEATURES}
    connection.execute(change.bindparams(bindparam("former", expanding=True)), every)


def _move_leads(connection: Connection) -> None:
    """Give the one list of an organization to whoever enriched first; everybody goes on seeing it."""
    for statement in (
        """INSERT INTO lead_lists ("id", organization_id, owner_id, name, origin, visibility, created_at)
            SELECT "id", organization_id,
                coalesce(
                    (SELECT user_id FROM workflows WHERE lead_list_id = old.id ORDER BY submitted_at LIMIT 1),
                    (SELECT "id" FROM users WHERE organization_id = old.organization_id ORDER BY created_at LIMIT 1)
                ),
                name, 'public_api', 'organization', created_at
            FROM old_lead_lists old""",
        """INSERT INTO leads ("id", organization_id, contact, enriched, created_at)
            SELECT old.id, list.organization_id, old.contact, 1, old.created_at
            FROM old_leads old JOIN old_lead_lists list ON list.id = old.lead_list_id""",
        """INSERT INTO list_members (lead_list_id, lead_id)
            SELECT lead_list_id, "id" FROM old_leads ORDER BY created_at, task_id""",
        "CREATE INDEX old_leads_by_task ON old_leads (task_id)",
        'UPDATE workflow_tasks SET lead_id = (SELECT "id" FROM old_leads WHERE task_id = workflow_tasks.id)',
        "DROP TABLE old_leads",
        "DROP TABLE old_lead_lists",
    ):
        connection.execute(text(statement))
