"""The people and the workspace that most tests play with."""

from collections.abc import Iterable

import pytest
from django.utils import timezone

from cleanlist import Secret
from core.db.sql import execute_batch
from core.encryption import EncryptedValue
from keys.log.ingest import rollups
from keys.log.ingest.rollups import count_rows
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Membership, Role, User, Workspace

PASSWORD = "correct horse battery staple"
NOWHERE = "http://127.0.0.1:9"  # the discard port, where nobody listens
API_KEY = "clapi_" + "k" * 64


def count_into_rollups(key: ApiKey, rows: Iterable[LoggedRequest]) -> None:
    """Have rollups count ``rows``, as the landing of a page does."""
    known = set(key.endpoints.values_list("path", flat=True))
    endpoints = set(known)
    cells = count_rows(rows, endpoints)
    rollups.record_endpoints(key, endpoints - known)
    execute_batch(*rollups.add_statements(key, cells))


def person(role_name: str) -> User:
    return User.objects.create_user(f"{role_name}@example.test", PASSWORD)


@pytest.fixture
def workspace(db, settings):
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, NOWHERE]
    return Workspace.objects.create(
        name="Example Works",
        slug="example-works",
        base_url=NOWHERE,
        organization_id="org_example",
        api_key=EncryptedValue.encrypt(Secret(API_KEY)),
        api_key_prefix=API_KEY[:10],
        api_key_last4=API_KEY[-4:],
        api_key_accepted_at=timezone.now(),
    )


def _member(workspace: Workspace, role: Role) -> User:
    user = person(role.value)
    Membership.objects.create(user=user, workspace=workspace, role=role)
    return user


@pytest.fixture
def owner(workspace):
    return _member(workspace, Role.OWNER)


@pytest.fixture
def operator(workspace):
    return _member(workspace, Role.OPERATOR)


@pytest.fixture
def viewer(workspace):
    return _member(workspace, Role.VIEWER)


@pytest.fixture
def stranger(db):
    return person("stranger")


@pytest.fixture
def admin(db):
    """A site admin."""
    return User.objects.create_superuser("admin@example.test", PASSWORD)


@pytest.fixture
def as_admin(client, admin):
    client.force_login(admin)
    return client


@pytest.fixture
def as_owner(client, owner):
    client.force_login(owner)
    return client
