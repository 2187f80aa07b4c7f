import pytest
from django.conf import settings

from tests.console_process import ProductionWeb, RunningConsole, free_port
from tests.deploy.proxies import caddy, nginx, running
from tests.webhooks.certificates import Authority

BODY_SECONDS = 1


@pytest.fixture(scope="package")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def https_port():
    return free_port()


@pytest.fixture(scope="package")
def console(tmp_path_factory, https_port, redis_server, tables):
    """README's command for production, told that one proxy stands in front."""
    variables = {"PUBLIC_URL": f"https://localhost:{https_port}", "TRUSTED_PROXY_COUNT": 1}
    var_dir = tmp_path_factory.mktemp("behind")
    web = ProductionWeb(var_dir, tables=tables, REDIS_URL=settings.REDIS_URL, BODY_SECONDS=BODY_SECONDS, **variables)
    person = {"DJANGO_SUPERUSER_PASSWORD": RunningConsole.password}
    web.manage("createsuperuser", "--noinput", "--email", RunningConsole.email, **person)
    with web:
        yield web


@pytest.fixture(scope="package", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request, tmp_path_factory, console, https_port, authority):
    """The shipped example of a proxy in front of the console, over TLS."""
    folder = tmp_path_factory.mktemp("proxy")
    command = request.param(folder, [console.port], https_port, authority.certify("localhost"))
    with running(command, https_port, folder / "log"):
        yield request.param.__name__
