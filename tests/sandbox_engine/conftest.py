from decimal import Decimal

import pytest

from sandbox import ledger
from sandbox.store import Store
from sandbox.tables import Organization, User

ORGANIZATION = "org_engine"
USER = "user_engine"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "sandbox.sqlite3")
    with store.session() as session:
        session.add(
            Organization(id=ORGANIZATION, name="Engine tests", tier="growth", features=["API_ACCESS"])
        )
        session.flush()
        session.add(
            User(
                id=USER,
                organization_id=ORGANIZATION,
                email="operations@example.test",
                name="Operations",
                scopes=["enrich:write"],
            )
        )
    yield store
    store.close()


@pytest.fixture
def funded(store):
    with store.session() as session:
        ledger.grant(session, ORGANIZATION, Decimal(1000))
    return store
