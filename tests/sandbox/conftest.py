import pytest

from .process import SHARED, SandboxProcess


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """One running sandbox without rate limits; tests that exhaust or break something start their own."""
    data_dir = tmp_path_factory.mktemp("sandbox") / "data"
    with SandboxProcess(data_dir, *SHARED, "--allow-local-webhooks") as process:
        yield process


@pytest.fixture
def session(sandbox):
    """A client with the administrator's session; keys created by the test are revoked afterwards."""
    with sandbox.session() as client:
        before = {key["id"] for key in client.get("/api/v1/api-keys").json()}
        yield client
        restore(sandbox)
        for key in client.get("/api/v1/api-keys").json():
            if key["is_active"] and key["id"] not in before:
                client.post(f"/api/v1/api-keys/{key['id']}/revoke")


@pytest.fixture
def key(sandbox, session):
    """A fresh key: its id, its secret and a client that uses it."""
    return make_key(sandbox, session)


class Key:
    def __init__(self, sandbox, secret, key_id):
        self.secret = secret
        self.id = key_id
        self.client = sandbox.client(secret)


def make_key(sandbox, session, **body):
    secret = session.post("/api/v1/api-keys", json=body).raise_for_status().json()["api_key"]
    row = next(row for row in session.get("/api/v1/api-keys").json() if row["key_last4"] == secret[-4:])
    return Key(sandbox, secret, row["id"])


def organization_id(sandbox):
    return sandbox.credentials()["organization_id"]


ALL_SCOPES = [
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


ALL_FEATURES = ["API_ACCESS", "data_source_csv_upload", "enrich_email", "enrich_phone", "search_people", "sync_to_crm"]


def restore(sandbox):
    """Undo what a test changed: faults, balance, plan and scopes."""
    organization = organization_id(sandbox)
    sandbox.control("faults", method="DELETE")
    sandbox.control("credits", {"organization_id": organization, "credits": 5000})
    plan = {"tier": "pro", "features": ALL_FEATURES, "scopes": ALL_SCOPES}
    sandbox.control("plan", {"organization_id": organization, **plan})
