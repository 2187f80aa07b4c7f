import pytest

from tests.keys.conftest import connected, console  # noqa: F401

from .hostile_upstream import HostileUpstream
from .world import Upstream, World


@pytest.fixture(scope="session")
def refusing_upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def world(db, refusing_upstream, settings):
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, refusing_upstream.url]
    refusing_upstream.calls.clear()
    return World(refusing_upstream)


@pytest.fixture(scope="session")
def hostile_server():
    upstream = HostileUpstream()
    yield upstream
    upstream.close()
