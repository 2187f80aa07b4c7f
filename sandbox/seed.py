"""The initial content of every data directory: one organization and its administrator."""

from decimal import Decimal
from typing import Literal, get_args

from sqlalchemy.orm import Session

from .credits import ledger
from .db.tables import Organization, User

ORGANIZATION_ID = "org_sandboxExampleWorks"
USER_ID = "user_sandboxOperations"
INITIAL_CREDITS = Decimal(5000)

# The twelve scopes of the service's authentication page.
Scope = Literal[
    "people:read",
    "companies:read",
    "lists:read",
    "lists:write",
    "enrich:read",
    "enrich:write",
    "credits:read",
    "export:read",
    "sync:write",
    "smart_agents:read",
    "smart_agents:write",
    "admin:api_keys",
]
ALL_SCOPES: list[str] = list(get_args(Scope))
API_ACCESS = "API_ACCESS"
ALL_FEATURES = [API_ACCESS, "data_source_csv_upload", "enrich_email", "enrich_phone", "search_people", "sync_to_crm"]


def ensure_default_organization(session: Session) -> User:
    """Return the administrator, creating it and its organization in a new database.

    `python -m sandbox credentials` prints this user's credentials; `--traffic` adds to this organization.
    """
    user = session.get(User, USER_ID)
    if user is not None:
        return user
    session.add(Organization(id=ORGANIZATION_ID, name="Example Works", tier="pro", features=list(ALL_FEATURES)))
    user = User(
        id=USER_ID,
        organization_id=ORGANIZATION_ID,
        email="operations@example-works.test",
        name="Operations",
        scopes=list(ALL_SCOPES),
    )
    session.flush()
    session.add(user)
    ledger.grant(session, ORGANIZATION_ID, INITIAL_CREDITS)
    return user
