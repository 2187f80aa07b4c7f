from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cleanlist import Secret, Timeouts
from core.encryption import EncryptedValue
from keys.models import ApiKey, LoggedRequest
from keys.models.key import key_uuid
from tests.fixtures import PASSWORD
from tests.sandbox.process import SHARED, SandboxProcess
from workspaces.models import ManagementSession, Membership, Poll, Role, User, Workspace

PLAN = {"tier": "pro", "features": ["API_ACCESS"]}


class Console:
    """What a person does with the pages of keys, by their names."""

    def __init__(self, client, workspace):
        self.http, self.workspace = client, workspace

    def url(self, name, *arguments):
        return reverse(f"keys:{name}", args=[self.workspace.slug, *arguments])

    def get(self, name, *arguments, **options):
        return self.http.get(self.url(name, *arguments), **options)

    def post(self, name, *arguments, data=None, **options):
        return self.http.post(self.url(name, *arguments), data or {}, **options)

    def create(self, **entries):
        """Fill in the form as the page gives it, and send it."""
        page = self.get("new")
        form = {"expiry": "never", "form_id": page.context["form"]["form_id"].value(), **entries}
        return self.post("new", data=form)

    def key(self, **facts):
        return ApiKey.objects.of(self.workspace).get(**facts)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    """One sandbox for all tests of keys, without rate limits."""
    data_dir = tmp_path_factory.mktemp("keys-sandbox") / "data"
    with SandboxProcess(data_dir, *SHARED) as process:
        yield process


@pytest.fixture
def sandbox(upstream):
    """The sandbox with no active key, no fault, and a plan that allows everything."""
    organization = upstream.credentials()["organization_id"]
    upstream.control("faults", method="DELETE")
    upstream.control("plan", {"organization_id": organization, **PLAN})
    with upstream.session() as session:
        session.post("/api/v1/api-keys/revoke-all").raise_for_status()
    yield upstream
    upstream.control("faults", method="DELETE")


@pytest.fixture
def connected(db, sandbox, settings):
    """A workspace whose management session mints its tokens at the sandbox."""
    known = sandbox.credentials()
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, sandbox.base_url]
    workspace = Workspace.objects.create(
        name="Sandbox Works",
        slug="sandbox-works",
        base_url=sandbox.base_url,
        organization_id=known["organization_id"],
    )
    ManagementSession.objects.create(
        workspace=workspace,
        kind=ManagementSession.Kind.CLERK,
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=EncryptedValue.encrypt(Secret(known["clerk_client_token"])),
        user_id=known["user_id"],
        user_email="operations@example-works.test",
    )
    return workspace


@pytest.fixture
def console(connected, client):
    """An operator at the console, connected to the sandbox."""
    user = User.objects.create_user("operator@example.test", PASSWORD)
    Membership.objects.create(user=user, workspace=connected, role=Role.OPERATOR)
    client.force_login(user)
    console = Console(client, connected)
    console.user = user
    return console


@pytest.fixture
def mirror(workspace, operator, client):
    """An operator at a console whose upstream nobody can reach: pages answer from the mirror."""
    client.force_login(operator)
    return Console(client, workspace)


@pytest.fixture
def impatient(monkeypatch):
    """Time-outs short enough for a test to wait for them."""
    monkeypatch.setattr(Timeouts.__init__, "__defaults__", (1.0, 1.0, 2.0))


def make_key(workspace, name="Production server", **facts):
    number = ApiKey.objects.count()
    now = timezone.now()
    known = {
        "upstream_id": f"00000000-0000-4000-8000-{number:012d}",
        "prefix": f"clapi_{number:04d}",
        "last4": f"z{number:03d}",
        "created_at": now - timedelta(days=60),
        "last_used_at": now - timedelta(minutes=3),
        "request_count": 1547,
        "first_seen_at": now,
        "read_at": now,
        "owner": "operations@example-works.test",
        **facts,
    }
    return ApiKey.objects.create(workspace=workspace, name=name, key_id=key_uuid(known["upstream_id"]), **known)


def log_request(key, **facts):
    number = LoggedRequest.objects.count()
    known = {
        "upstream_id": f"log-{number}",
        "method": "POST",
        "path": "/api/v1/public/enrich/bulk",
        "status_code": 200,
        "duration_ms": 184,
        "ip_address": "203.0.113.42",
        "user_agent": "python-requests/2.32.0",
        "created_at": timezone.now() - timedelta(minutes=1),
        **facts,
    }
    return LoggedRequest.objects.create(key=key, **known)


def note_poll(workspace, resource="keys", **facts):
    known = {"interval_seconds": 60, "last_success_at": timezone.now(), **facts}
    return Poll.objects.update_or_create(
        workspace=workspace, resource=resource, subject=facts.pop("subject", ""), defaults=known
    )[0]


def add_session(workspace, **facts):
    known = {"kind": ManagementSession.Kind.CLERK, "frontend_api_url": "http://127.0.0.1:9", **facts}
    return ManagementSession.objects.create(workspace=workspace, **known)


def text_of(response):
    return " ".join(response.content.decode().replace("&#x27;", "'").split())
