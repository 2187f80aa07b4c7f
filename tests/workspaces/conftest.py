import pytest

from cleanlist import Secret
from core.encryption import EncryptedValue
from tests.sandbox.process import SHARED, SandboxProcess
from workspaces.models import Workspace

ORGANIZATION = {"tier": "pro", "features": ["API_ACCESS"]}
SCOPES = ["credits:read", "enrich:read", "enrich:write", "admin:api_keys"]


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("workspaces") / "data"
    with SandboxProcess(data_dir, *SHARED) as process:
        yield process


@pytest.fixture
def upstream(sandbox_process, settings):
    """The real sandbox; faults and changes of the plan are undone afterwards."""
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, sandbox_process.base_url]
    organization = sandbox_process.credentials()["organization_id"]
    yield sandbox_process
    sandbox_process.control("faults", method="DELETE")
    sandbox_process.control("plan", {"organization_id": organization, **ORGANIZATION, "scopes": SCOPES})


@pytest.fixture
def known(upstream):
    """What a client of the sandbox needs."""
    return upstream.credentials()


@pytest.fixture
def connected(workspace, upstream, known):
    """The workspace of the cast, connected to the sandbox with its API key."""
    workspace.base_url = known["base_url"]
    workspace.organization_id = known["organization_id"]
    workspace.api_key = EncryptedValue.encrypt(Secret(known["api_key"]))
    workspace.save()
    return workspace


@pytest.fixture
def fault(upstream):
    """Puts a fault in force at the sandbox."""

    def put(kind, **options):
        upstream.control("faults", {"kind": kind, **options})

    return put


def reloaded(workspace):
    return Workspace.objects.get(pk=workspace.pk)
