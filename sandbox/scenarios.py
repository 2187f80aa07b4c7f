"""Named states of the sandbox: what is done one by one on the control surface, in one step and always alike."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from .agents import runs
from .auth.api_keys import MAX_API_KEYS_PER_USER
from .auth.credentials import CREDENTIALS_FILE
from .credits import ledger
from .db.agent_tables import Connection
from .db.column_types import utc_now
from .db.tables import ApiKey, Base, ClerkClientSession, Fact, Organization, User
from .demo import demo_keys, installer
from .enrichment import workflows
from .http.faults import Fault
from .seed import ALL_FEATURES, ALL_SCOPES, INITIAL_CREDITS, ORGANIZATION_ID, USER_ID
from .services import Limits, Services
from .sync.destinations import CRMS, SEQUENCERS, ConnectionState

ScenarioName = Literal[
    "normal",
    "low_credits",
    "out_of_credits",
    "free_plan",
    "missing_scopes",
    "revoked_key",
    "rate_limited",
    "slow",
    "flaky",
    "outage",
    "webhooks_failing",
    "expired_crm",
    "agents_waiting",
]
API = "/api/*"
NORMAL = "normal"
# The name of the fact that says which one is in force.
IN_FORCE = "scenario"
# What a sandbox that is emptied keeps: who may call it.
KEPT = {table.__tablename__ for table in (Fact, Organization, User, ClerkClientSession, ApiKey)}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What differs from a sandbox that has just started; all else is as it is there."""

    about: str
    credits: Decimal = INITIAL_CREDITS
    tier: str = "pro"
    features: tuple[str, ...] = tuple(ALL_FEATURES)
    scopes: tuple[str, ...] = tuple(ALL_SCOPES)
    revoked: bool = False
    key_limit: int | None = None
    faults: tuple[Fault, ...] = ()
    connections: ConnectionState = "healthy"
    agents_held: bool = False


def _fault(**fields: object) -> Fault:
    return Fault.model_validate(fields)


SCENARIOS: dict[str, Scenario] = {
    "normal": Scenario(
        "As at the start: other scenarios and whatever was set end, keys made since are revoked; lists and leads stay."
    ),
    "low_credits": Scenario("3 credits are left: an email can be paid for, a phone number cannot.", credits=Decimal(3)),
    "out_of_credits": Scenario("No credits are left: whatever costs some is refused.", credits=Decimal(0)),
    "free_plan": Scenario(
        "A plan without features: people search, v2 enrichment, CSV import and sync are 403; so is making a key.",
        tier="free",
        features=(),
    ),
    "missing_scopes": Scenario(
        "Keys have only the scope credits:read: what needs another one is 403.", scopes=("credits:read",)
    ),
    "revoked_key": Scenario("The key that was shown is revoked: 401, until another one is made.", revoked=True),
    "rate_limited": Scenario("5 requests a minute for each key: the sixth is 429 with Retry-After.", key_limit=5),
    "slow": Scenario(
        "Each answer below `/api` takes 2 seconds longer.", faults=(_fault(path=API, kind="latency", seconds=2),)
    ),
    "flaky": Scenario(
        "One call in five below `/api` is 503; after the same seed always the same ones.",
        faults=(_fault(path=API, kind="status", status=503, retry_after=1, probability=0.2),),
    ),
    "outage": Scenario(
        "Every call below `/api` is 503 with Retry-After.",
        faults=(_fault(path=API, kind="status", status=503, retry_after=1),),
    ),
    "webhooks_failing": Scenario(
        "Every receiver of webhooks seems to answer 503; none is called.",
        faults=(_fault(path="http*", kind="status", status=503),),
    ),
    "expired_crm": Scenario("The connections to all CRMs and sequencers have expired.", connections="expired"),
    "agents_waiting": Scenario(
        "Smart agents wait, as behind a full queue: new ones stay pending, others stop where they are.",
        agents_held=True,
    ),
}


def begin(services: Services) -> None:
    """Begin in the scenario that was asked for; without one, end that of the last run."""
    with services.store.reading() as session:
        before = in_force(session)
    if services.settings.scenario or before != NORMAL:
        apply(services, services.settings.scenario or NORMAL)


def in_force(session: Session) -> str:
    """Return the name of the scenario in force."""
    fact = session.get(Fact, IN_FORCE)
    return fact.value if fact else NORMAL


def apply(services: Services, name: str, balance: Decimal | None = None, *, emptied: bool = False) -> None:
    """Put a scenario in force, in place of everything that was set before.

    `balance` is one to begin with in place of the scenario's. What is `emptied` loses its data, too.
    """
    scenario = SCENARIOS[name]
    demo_seed = installer.installed_seed(services.store)
    services.request_log.flush()
    with services.store.session() as session:
        shown = services.data_dir.read_json(CREDENTIALS_FILE).get("issued_key_ids", [])
        if emptied:
            _remove_data(session, shown)
        # What they have reserved would come back later.
        workflows.finish_open(session, ORGANIZATION_ID, utc_now(), services.settings.seed)
        runs.hold(session, held=scenario.agents_held)
        _change_organization(session, scenario, balance)
        if name == NORMAL:
            installer.reset_keys(session, demo_seed, utc_now(), shown)
        else:
            _change_shown_keys(session, shown, revoked=scenario.revoked)
        session.merge(Fact(name=IN_FORCE, value=name))
    limits = Limits.of(services.settings)
    services.limits.organization = limits.organization
    services.limits.key = limits.key if scenario.key_limit is None else scenario.key_limit
    services.windows.clear()
    services.faults.active[:] = [fault.model_copy() for fault in scenario.faults]
    services.faults.chance = random.Random(services.settings.seed)  # noqa: S311 - it has to be foreseeable


def _remove_data(session: Session, shown: list[str]) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in KEPT:
            session.execute(delete(table))
    session.execute(delete(ApiKey).where(ApiKey.id.not_in(shown)))
    session.execute(update(ApiKey).values(request_count=0, last_used_at=None))
    session.execute(update(Organization).values(credits=0))
    ledger.grant(session, ORGANIZATION_ID, INITIAL_CREDITS)


def _change_organization(session: Session, scenario: Scenario, balance: Decimal | None) -> None:
    organization = session.get_one(Organization, ORGANIZATION_ID)
    organization.tier, organization.features = scenario.tier, list(scenario.features)
    for user in session.scalars(select(User).filter_by(organization_id=ORGANIZATION_ID)):
        at_start = demo_keys.USER_SCOPES if user.id in demo_keys.USERS else ALL_SCOPES
        user.scopes = [scope for scope in at_start if scope in scenario.scopes]
    for provider in (*CRMS, *SEQUENCERS):
        session.merge(Connection(organization_id=ORGANIZATION_ID, provider=provider, state=scenario.connections))
    session.flush()
    ledger.set_balance(session, ORGANIZATION_ID, scenario.credits if balance is None else balance)


def _change_shown_keys(session: Session, shown: list[str], *, revoked: bool) -> None:
    """Revoke the keys that were shown, or give them back, if need be in place of the newest that were made since."""
    now = utc_now()
    session.execute(update(ApiKey).where(ApiKey.id.in_(shown)).values(revoked_at=now if revoked else None))
    newest = select(ApiKey).filter_by(user_id=USER_ID).order_by(ApiKey.created_at.desc())
    active = [key for key in session.scalars(newest) if key.is_active(now)]
    made = [key for key in active if key.id not in shown]
    for key in made[: max(0, len(active) - MAX_API_KEYS_PER_USER)]:
        key.revoked_at = now
