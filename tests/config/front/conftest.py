import pytest
from django.conf import settings as django_settings

from tests.console_process import ProductionWeb, RunningConsole

BODY_SECONDS = 3  # long enough for a megabyte on a busy machine; many tests here wait for its end


@pytest.fixture(scope="package")
def embedded(tmp_path_factory, tables):
    var_dir = tmp_path_factory.mktemp("embedded")
    running = RunningConsole(var_dir, "--no-sandbox", tables=tables, BODY_SECONDS=BODY_SECONDS)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def production(tmp_path_factory, redis_server, tables):
    var_dir = tmp_path_factory.mktemp("production")
    variables = {"BODY_SECONDS": BODY_SECONDS, "REDIS_URL": django_settings.REDIS_URL}
    with ProductionWeb(var_dir, tables=tables, **variables) as running:
        yield running


@pytest.fixture(params=["embedded", "production"])
def running(request):
    """The embedded set, then README's command for production."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def port(running):
    """Where the console listens."""
    return running.port
