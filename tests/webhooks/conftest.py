import socket
from datetime import timedelta

import pytest

from cleanlist import Secret
from core.encryption import EncryptedValue
from tests.sandbox.engine.conftest import certificate  # noqa: F401 - a fixture
from tests.wait import wait_until
from tests.webhooks.certificates import Authority
from tests.webhooks.receivers import quick_sandbox
from tests.webhooks.redelivery.redeliveries import ENRICHMENT_COUNT, submit_enrichment
from tests.webhooks.webhook_pages import WebhookPages
from webhooks.outgoing import connection
from webhooks.redelivery import item_sender


@pytest.fixture
def local_targets(settings):
    """Webhooks may go to receivers on this machine, as the operator can allow."""
    settings.WEBHOOK_ALLOW_LOCAL_TARGETS = True


@pytest.fixture
def no_local_targets(settings):
    """As in production."""
    settings.WEBHOOK_ALLOW_LOCAL_TARGETS = False


class Names:
    """What the resolver knows: addresses by name. ``asked`` lists the look-ups."""

    def __init__(self):
        self.known, self.asked = {}, []

    def look_up(self, host, port, *_, **__):
        self.asked.append(host)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.known[host]
        found = answers.pop(0) if isinstance(answers[0], list) else answers
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.fixture
def names(monkeypatch):
    """A resolver of the test's making in place of the system's."""
    known = Names()
    monkeypatch.setattr(socket, "getaddrinfo", known.look_up)
    return known


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority, monkeypatch):
    """The authority counts as a public one."""
    context = authority.context()
    monkeypatch.setattr(connection, "trusted_tls_context", lambda: context)
    return authority


@pytest.fixture
def hooks(workspace, viewer, client):
    client.force_login(viewer)
    return WebhookPages(client, workspace)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    with quick_sandbox(tmp_path_factory.mktemp("redelivery-sandbox") / "data") as process:
        yield process


@pytest.fixture(scope="session")
def finished(upstream):
    """Ids of enrichments that are done, whose results upstream still has."""
    client = upstream.client()
    ids = [submit_enrichment(client) for _ in range(ENRICHMENT_COUNT)]

    def is_done(workflow_id):
        answer = client.get("/api/v1/public/enrich/status", params={"workflow_id": workflow_id}).json()
        return answer["status"] == "completed"

    wait_until(lambda: all(is_done(one) for one in (ids[0], ids[-1])), 60)
    return ids


@pytest.fixture
def connected(workspace, upstream, settings):
    known = upstream.credentials()
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, upstream.base_url]
    settings.WEBHOOK_ALLOW_LOCAL_TARGETS = True
    settings.RATE_LIMIT_PER_MINUTE = 100_000
    workspace.base_url, workspace.organization_id = known["base_url"], known["organization_id"]
    workspace.api_key = EncryptedValue.encrypt(Secret(known["api_key"]))
    workspace.save()
    yield workspace
    upstream.control("faults", method="DELETE")


@pytest.fixture
def quick(monkeypatch):
    """Without waits between tries."""
    monkeypatch.setattr(item_sender, "RETRY_AFTER", (timedelta(0),) * 3)
    monkeypatch.setattr(item_sender, "SECONDS_BETWEEN", 0.0)
