"""Writes the demo keys and their past into the database, once, in one transaction."""

import datetime as dt
import random
import string
from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from sandbox.credits import ledger
from sandbox.db.lead_tables import Lead, ListMember
from sandbox.db.store import Store
from sandbox.db.tables import (
    ApiKey,
    Base,
    Delivery,
    DeliveryAttempt,
    Fact,
    LedgerEntry,
    Organization,
    RequestLog,
    User,
    Workflow,
    WorkflowTask,
)
from sandbox.lists import lead_lists
from sandbox.seed import INITIAL_CREDITS, ORGANIZATION_ID, USER_ID, ensure_default_organization

from . import past_traffic
from .demo_keys import DEMO_KEYS, USER_SCOPES, USERS, DemoKey
from .past_traffic import PastRows, PastSettings

# Stored because a data directory has one past, whatever seed later starts ask for.
FACT_SEED, FACT_ANCHOR = "traffic.seed", "traffic.anchor"
MIN_BALANCE = Decimal(2_000)


def install(store: Store, seed: int, now: dt.datetime) -> bool:
    """Install demo keys and past unless the directory has them. Returns whether it did.

    The anchor of the past is `now` truncated to the hour; the same seed and anchor give the same rows. Time in which
    the server is off is not filled in later.
    """
    with store.session() as session:
        if session.get(Fact, FACT_SEED) is not None:
            return False
        anchor = now.replace(minute=0, second=0, microsecond=0)
        ensure_default_organization(session)
        session.flush()
        existing_entries = _ledger_entries(session)
        _add_users(session, past_traffic.starts_at(anchor))
        past = past_traffic.generate_past(_past_settings(session, seed, anchor, now))
        _add_keys(session, seed, anchor, past)
        _insert_rows(session, past)
        _merge_ledgers(session, past, existing_entries, past_traffic.starts_at(anchor))
        session.add_all([Fact(name=FACT_SEED, value=str(seed)), Fact(name=FACT_ANCHOR, value=anchor.isoformat())])
    return True


def installed_seed(store: Store) -> int | None:
    """Return the seed of the installed past, or None."""
    with store.reading() as session:
        fact = session.get(Fact, FACT_SEED)
        return int(fact.value) if fact is not None else None


def _past_settings(session: Session, seed: int, anchor: dt.datetime, now: dt.datetime) -> PastSettings:
    return PastSettings(
        seed=seed,
        anchor=anchor,
        now=now,
        organization_id=ORGANIZATION_ID,
        lead_list_id=_default_list(session),
        opening_balance=INITIAL_CREDITS,
    )


def _default_list(session: Session) -> str:
    """Return the DEFAULT list of the demo, which everybody of the organization sees."""
    found = lead_lists.automatic_list(session, ORGANIZATION_ID, USER_ID)
    found.visibility = "organization"
    session.flush()
    return found.id


def _add_users(session: Session, since: dt.datetime) -> None:
    for user_id, (name, email) in USERS.items():
        session.add(
            User(
                id=user_id,
                organization_id=ORGANIZATION_ID,
                email=email,
                name=name,
                scopes=list(USER_SCOPES),
                created_at=since,
            )
        )
    session.flush()


def _add_keys(session: Session, seed: int, anchor: dt.datetime, past: PastRows) -> None:
    used = past_traffic.usage_by_key(past)
    for demo_key in DEMO_KEYS:
        count, last = used.get(demo_key.key_id(seed), (0, None))
        session.add(_api_key(demo_key, seed, anchor, count, last))
    session.flush()


def _api_key(demo_key: DemoKey, seed: int, anchor: dt.datetime, count: int, last: dt.datetime | None) -> ApiKey:
    rng = random.Random(f"{seed}/{demo_key.slug}/key")  # noqa: S311 - only the visible characters
    letters = "".join(rng.choices(string.ascii_letters + string.digits, k=8))
    key_id = demo_key.key_id(seed)
    return ApiKey(
        id=key_id,
        user_id=demo_key.owner,
        organization_id=ORGANIZATION_ID,
        name=demo_key.name,
        # Nobody has the secret of these keys: no hash looks like this.
        key_hash=f"no-secret-{key_id}",
        key_prefix=f"clapi_{letters[:4]}",
        key_last4=letters[4:],
        created_at=anchor - dt.timedelta(days=demo_key.created),
        expires_at=_before(anchor, demo_key.expires),
        revoked_at=_before(anchor, demo_key.revoked),
        last_used_at=last,
        request_count=count,
    )


def _before(anchor: dt.datetime, days: float | None) -> dt.datetime | None:
    return None if days is None else anchor - dt.timedelta(days=days)


def _insert_rows(session: Session, past: PastRows) -> None:
    """Insert parents before children, because of the foreign keys."""
    tables: list[tuple[type[Base], list[past_traffic.Row]]] = [
        (RequestLog, past.request_logs),
        (LedgerEntry, past.ledger_entries),
        (Workflow, past.workflows),
        (WorkflowTask, past.workflow_tasks),
        (Lead, past.leads),
        (Delivery, past.deliveries),
        (DeliveryAttempt, past.delivery_attempts),
    ]
    connection = session.connection()
    for table, rows in tables:
        assert isinstance(table.__table__, Table)  # noqa: S101
        connection.execute(insert(table.__table__), rows)
    lead_list_id = _default_list(session)
    session.execute(insert(ListMember), [{"lead_list_id": lead_list_id, "lead_id": lead["id"]} for lead in past.leads])


def _merge_ledgers(session: Session, past: PastRows, existing_entries: list[LedgerEntry], since: dt.datetime) -> None:
    """Put the past between the initial grant and the other existing entries.

    The initial grant moves to the start. A server that ran without traffic first has more entries: their running
    balances shift by the net change of the past.
    """
    initial_grant, *later = existing_entries
    initial_grant.at = since
    change = past.balance - INITIAL_CREDITS
    for entry in later:
        entry.balance_after += change
    organization = session.get_one(Organization, ORGANIZATION_ID)
    organization.created_at = since
    organization.credits += change
    session.flush()
    if organization.credits < MIN_BALANCE:
        ledger.grant(session, organization.id, past_traffic.TOP_UP)


def _ledger_entries(session: Session) -> list[LedgerEntry]:
    mine = select(LedgerEntry).filter_by(organization_id=ORGANIZATION_ID)
    return list(session.scalars(mine.order_by(LedgerEntry.sequence)))


def reset_keys(session: Session, seed: int | None, now: dt.datetime, keep: Collection[str]) -> None:
    """Restore the demo's keys, their expiry counted from `now`, and those to `keep`; revoke all others.

    `seed` is that of the installed past, None without one.
    """
    demo_keys = {} if seed is None else {demo_key.key_id(seed): demo_key for demo_key in DEMO_KEYS}
    for key in session.scalars(select(ApiKey).filter_by(organization_id=ORGANIZATION_ID)):
        demo_key = demo_keys.get(key.id)
        if demo_key is not None:
            key.name = demo_key.name
            key.expires_at = None if demo_key.expires is None else now - dt.timedelta(days=demo_key.expires)
        if key.id in keep or (demo_key is not None and demo_key.revoked is None):
            key.revoked_at = None
        elif demo_key is None and key.revoked_at is None:
            key.revoked_at = now
