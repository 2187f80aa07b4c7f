import asyncio

import httpx
import pytest
from django.urls import reverse

from cleanlist import Secret
from core.encryption import EncryptedValue
from sandbox.auth import credentials
from sandbox.credits import ledger
from sandbox.data_dir import DataDir
from sandbox.seed import ALL_FEATURES, ALL_SCOPES
from sandbox.server import create_app
from sandbox.settings import Settings
from workspaces.models import ManagementSession
from workspaces.services.polling import refresh

PLAN = {"tier": "pro", "features": ALL_FEATURES, "scopes": ALL_SCOPES}


@pytest.fixture
def connected(workspace, sandbox):
    """The workspace of the cast with both credentials of the sandbox; plan, balance and faults are put right after."""
    known = sandbox.credentials()
    workspace.base_url, workspace.organization_id = known["base_url"], known["organization_id"]
    workspace.api_key = EncryptedValue.encrypt(Secret(known["api_key"]))
    workspace.api_key_prefix, workspace.api_key_last4 = known["api_key"][:10], known["api_key"][-4:]
    workspace.save()
    ManagementSession.objects.create(
        workspace=workspace,
        kind=ManagementSession.Kind.CLERK,
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=EncryptedValue.encrypt(Secret(known["clerk_client_token"])),
        user_id=known["user_id"],
    )
    refresh(workspace, "keys")
    yield workspace
    organization = {"organization_id": known["organization_id"]}
    sandbox.control("faults", method="DELETE")
    sandbox.control("plan", {**organization, **PLAN})
    sandbox.control("credits", {**organization, "credits": 5_000})


class Person:
    """A viewer who pastes what they have, and looks at what the checks say."""

    def __init__(self, client, workspace):
        self.http, self.workspace = client, workspace
        self.url = reverse("troubleshoot", args=[workspace.slug])

    def paste(self, text):
        """Paste into the field, and return the query of the case that was recognized."""
        response = self.http.post(self.url, {"text": text})
        assert response.status_code == 302, response.status_code
        return response["Location"].partition("?")[2]

    def look(self, query):
        """Return the page of a case, without its checks."""
        return words(self.http.get(f"{self.url}?{query}"))

    def check(self, query):
        """Return the page of a case with all of its checks."""
        return words(self.http.post(f"{self.url}all/?{query}"))


def words(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().replace("&#x27;", "'").replace("&quot;", '"').split())


@pytest.fixture
def person(connected, viewer, client):
    client.force_login(viewer)
    return Person(client, connected)


class BulkApi:
    """The sandbox in this process, without its background work: what it accepts is never enriched nor delivered."""

    def __init__(self, folder):
        key = credentials.collect_credentials(DataDir(folder), None, 3600)
        self.app = create_app(Settings(data_dir=folder, org_limit=0, key_limit=0))
        with self.app.state.services.store.session() as session:
            ledger.set_balance(session, key["organization_id"], 10**9)
        self.headers = {"Authorization": f"Bearer {key['api_key']}", "Content-Type": "application/json"}
        self.runner = asyncio.Runner()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://sandbox")

    def answers(self, texts):
        """Return the answers to all of ``texts``, in one task: a task of its own for each would cost more than it."""
        return self.runner.run(self._answers([text.encode("utf-8", "surrogatepass") for text in texts]))

    async def _answers(self, bodies):
        path = "/api/v1/public/enrich/bulk"
        return [await self.client.post(path, content=body, headers=self.headers) for body in bodies]

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.app.state.services.store.close()


@pytest.fixture(scope="module")
def bulk_api(tmp_path_factory):
    api = BulkApi(tmp_path_factory.mktemp("agreement") / "data")
    yield api
    api.close()
