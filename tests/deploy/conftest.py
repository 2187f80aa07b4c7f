import contextlib
import shutil
import socket
import subprocess

import pytest
from django.conf import settings

from tests.conftest import ROOT
from tests.running import ProductionWeb, RunningConsole, free_port
from tests.waiting import wait_until
from tests.webhooks.certificates import Authority

BODY_SECONDS = 1


@pytest.fixture(scope="package")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def https_port():
    return free_port()


@pytest.fixture(scope="package")
def console(tmp_path_factory, https_port, redis_server):
    """README's command for production, told that one proxy stands in front."""
    variables = {"PUBLIC_URL": f"https://localhost:{https_port}", "TRUSTED_PROXY_COUNT": 1}
    var_dir = tmp_path_factory.mktemp("behind")
    web = ProductionWeb(var_dir, REDIS_URL=settings.REDIS_URL, BODY_SECONDS=BODY_SECONDS, **variables)
    person = {"DJANGO_SUPERUSER_PASSWORD": RunningConsole.password}
    web.manage("createsuperuser", "--noinput", "--email", RunningConsole.email, **person)
    with web:
        yield web


@contextlib.contextmanager
def running(command, port, log):
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as proxy:
        try:
            wait_until(lambda: listens(port, proxy, log))
            yield
        finally:
            proxy.terminate()


def listens(port, proxy, log):
    assert proxy.poll() is None, log.read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def filled_in(name, replacements):
    """The shipped file with other ports, names and paths in it; each has to be there."""
    text = (ROOT / "deploy" / name).read_text()
    for shipped, ours in replacements.items():
        assert shipped in text, shipped
        text = text.replace(shipped, ours)
    return text


def nginx(folder, console, https_port, certificate):
    replacements = {
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ": f"listen 127.0.0.1:{https_port} ",
        "console.example.com": "localhost",
        "127.0.0.1:8000": f"127.0.0.1:{console.port}",
        "/etc/ssl/console/fullchain.pem": str(certificate),
        "/etc/ssl/console/privkey.pem": str(certificate),
    }
    (folder / "site.conf").write_text(filled_in("nginx.conf", replacements))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    http = f"access_log off; {folders} include site.conf;"
    main = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ {http} }}"
    (folder / "nginx.conf").write_text(main)
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder, console, https_port, certificate):
    replacements = {
        "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system " + str(folder) + "\n",
        "console.example.com {": f"https://localhost:{https_port} {{\n\ttls {certificate} {certificate}",
        "127.0.0.1:8000": f"127.0.0.1:{console.port}",
    }
    (folder / "Caddyfile").write_text(filled_in("Caddyfile", replacements))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(scope="package", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request, tmp_path_factory, console, https_port, authority):
    """The shipped example of a proxy in front of the console, over TLS."""
    folder = tmp_path_factory.mktemp("proxy")
    command = request.param(folder, console, https_port, authority.certify("localhost"))
    with running(command, https_port, folder / "log"):
        yield request.param.__name__
