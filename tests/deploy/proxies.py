"""The shipped examples of proxies, as commands that run them in front of consoles of ours."""

import contextlib
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.console_process import free_port
from tests.wait import wait_until


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


def nginx(folder, ports, https_port, certificate):
    replacements = {
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ": f"listen 127.0.0.1:{https_port} ",
        "console.example.com": "localhost",
        "127.0.0.1:8000": f"127.0.0.1:{ports[0]}",
        "127.0.0.1:8001": f"127.0.0.1:{ports[-1]}",
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


def caddy(folder, ports, https_port, certificate):
    replacements = {
        "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system " + str(folder) + "\n",
        "{$DOMAIN:console.example.com} {": f"https://localhost:{https_port} {{\n\ttls {certificate} {certificate}",
        "127.0.0.1:8000 127.0.0.1:8001": " ".join(f"127.0.0.1:{port}" for port in ports),
    }
    (folder / "Caddyfile").write_text(filled_in("Caddyfile", replacements))
    return [
        str(Path(sys.executable).with_name("caddy")),
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        str(folder / "Caddyfile"),
    ]
