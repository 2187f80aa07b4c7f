import pytest
from django.conf import settings as django_settings

from tests.running import ProductionWeb, RunningConsole

BODY_SECONDS = 5


@pytest.fixture(scope="package")
def embedded(tmp_path_factory):
    running = RunningConsole(tmp_path_factory.mktemp("embedded"), "--no-sandbox", BODY_SECONDS=BODY_SECONDS)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def production(tmp_path_factory, redis_server):
    var_dir = tmp_path_factory.mktemp("production")
    with ProductionWeb(var_dir, BODY_SECONDS=BODY_SECONDS, REDIS_URL=django_settings.REDIS_URL) as running:
        yield running


@pytest.fixture(params=["embedded", "production"])
def running(request):
    """The embedded set, then README's command for production."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def port(running):
    """Where the console listens."""
    return running.port
