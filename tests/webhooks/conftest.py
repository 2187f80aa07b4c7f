import socket

import pytest

from tests.cast import *  # noqa: F403
from tests.sandbox_engine.conftest import certificate  # noqa: F401 - a fixture
from tests.webhooks.certificates import Authority
from tests.webhooks.pages import Hooks
from webhooks.outgoing import connecting


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
    monkeypatch.setattr(connecting, "public_authorities", lambda: context)
    return authority


@pytest.fixture
def hooks(workspace, viewer, client):
    client.force_login(viewer)
    return Hooks(client, workspace)
