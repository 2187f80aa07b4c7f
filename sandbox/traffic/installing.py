"""Puts cast and past into the database, once, in one transaction."""

import datetime as dt
import random
import string
from decimal import Decimal

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from sandbox import enrichment, founding, ledger
from sandbox.store import Store
from sandbox.tables import (
    ApiKey,
    Base,
    Delivery,
    DeliveryAttempt,
    Fact,
    Lead,
    LedgerEntry,
    Organization,
    RequestLog,
    User,
    Workflow,
    WorkflowTask,
)

from . import past
from .characters import CAST, USER_SCOPES, USERS, Character
from .past import Past, Place

# Named apart from the seed: a directory holds one past, whatever seed later starts ask for.
FACT_SEED, FACT_ANCHOR = "traffic.seed", "traffic.anchor"
LOWEST_END = Decimal(2_000)


def install(store: Store, seed: int, now: dt.datetime) -> bool:
    """Install cast and past unless the directory has them. Returns whether it did.

    The anchor of the past is `now` cut to the hour; with the same seed and anchor the rows are the same. Time
    that passes while the server is off is not filled in later: a gap in the log is a gap.
    """
    with store.session() as session:
        if session.get(Fact, FACT_SEED) is not None:
            return False
        anchor = now.replace(minute=0, second=0, microsecond=0)
        founding.found(session)
        session.flush()
        present = _ledger(session)
        _users(session, past.begins(anchor))
        made = past.make(_place(session, seed, anchor, now))
        _keys(session, seed, anchor, made)
        _rows(session, made)
        _join_ledgers(session, made, present, past.begins(anchor))
        session.add_all([Fact(name=FACT_SEED, value=str(seed)), Fact(name=FACT_ANCHOR, value=anchor.isoformat())])
    return True


def installed_seed(store: Store) -> int | None:
    """Return the seed of the installed cast, or None."""
    with store.reading() as session:
        fact = session.get(Fact, FACT_SEED)
        return int(fact.value) if fact is not None else None


def _place(session: Session, seed: int, anchor: dt.datetime, now: dt.datetime) -> Place:
    return Place(
        seed=seed,
        anchor=anchor,
        now=now,
        organization_id=founding.ORGANIZATION_ID,
        lead_list_id=enrichment.default_list(session, founding.ORGANIZATION_ID).id,
        opening_balance=founding.FIRST_CREDITS,
    )


def _users(session: Session, since: dt.datetime) -> None:
    for user_id, (name, email) in USERS.items():
        session.add(
            User(
                id=user_id,
                organization_id=founding.ORGANIZATION_ID,
                email=email,
                name=name,
                scopes=list(USER_SCOPES),
                created_at=since,
            )
        )
    session.flush()


def _keys(session: Session, seed: int, anchor: dt.datetime, made: Past) -> None:
    used = past.counts(made)
    for character in CAST:
        count, last = used.get(character.key_id(seed), (0, None))
        session.add(_key(character, seed, anchor, count, last))
    session.flush()


def _key(character: Character, seed: int, anchor: dt.datetime, count: int, last: dt.datetime | None) -> ApiKey:
    rng = random.Random(f"{seed}/{character.slug}/key")  # noqa: S311 - the visible characters only
    letters = "".join(rng.choices(string.ascii_letters + string.digits, k=8))
    key_id = character.key_id(seed)
    return ApiKey(
        id=key_id,
        user_id=character.owner,
        organization_id=founding.ORGANIZATION_ID,
        name=character.name,
        # Nobody holds a secret of these keys: no hash of anything looks like this.
        key_hash=f"no-secret-{key_id}",
        key_prefix=f"clapi_{letters[:4]}",
        key_last4=letters[4:],
        created_at=anchor - dt.timedelta(days=character.created),
        expires_at=_before(anchor, character.expires),
        revoked_at=_before(anchor, character.revoked),
        last_used_at=last,
        request_count=count,
    )


def _before(anchor: dt.datetime, days: float | None) -> dt.datetime | None:
    return None if days is None else anchor - dt.timedelta(days=days)


def _rows(session: Session, made: Past) -> None:
    """Insert with parents before children, as the foreign keys want it."""
    tables: list[tuple[type[Base], list[past.Row]]] = [
        (RequestLog, made.request_logs),
        (LedgerEntry, made.ledger_entries),
        (Workflow, made.workflows),
        (WorkflowTask, made.workflow_tasks),
        (Lead, made.leads),
        (Delivery, made.deliveries),
        (DeliveryAttempt, made.delivery_attempts),
    ]
    connection = session.connection()
    for table, rows in tables:
        assert isinstance(table.__table__, Table)  # noqa: S101
        connection.execute(insert(table.__table__), rows)


def _join_ledgers(session: Session, made: Past, present: list[LedgerEntry], since: dt.datetime) -> None:
    """Let the past follow the founding grant, and what was there before follow the past.

    The founding grant moves to the beginning. A server that ran without traffic first has more entries: their
    running balances shift by the past's net change. Sums hold either way.
    """
    founding_grant, *later = present
    founding_grant.at = since
    change = made.balance - founding.FIRST_CREDITS
    for entry in later:
        entry.balance_after += change
    organization = session.get_one(Organization, founding.ORGANIZATION_ID)
    organization.created_at = since
    organization.credits += change
    session.flush()
    if organization.credits < LOWEST_END:
        ledger.grant(session, organization.id, past.TOP_UP)


def _ledger(session: Session) -> list[LedgerEntry]:
    mine = select(LedgerEntry).filter_by(organization_id=founding.ORGANIZATION_ID)
    return list(session.scalars(mine.order_by(LedgerEntry.sequence)))
