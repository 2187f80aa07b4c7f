"""What docs/sandbox.md shows works, with only the port and the way to the program replaced."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import httpx
import pytest
import yaml

from sandbox.scenarios import SCENARIOS

from .process import ROOT, SandboxProcess
from .surface.conftest import wait_for

BASH = shutil.which("bash")
TEXT = (ROOT / "docs/sandbox.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))


def block(section, language):
    return re.search(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)[1]


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@pytest.fixture
def shell(port, tmp_path):
    """Run lines of a recipe; the sandbox that they leave running ends with the test."""
    program = tmp_path / "bin" / "cleanlist-sandbox"
    program.parent.mkdir()
    serve = f'exec {sys.executable} -P -m sandbox "$@" --port {port}'
    program.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\n{serve}\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "GITHUB_ENV": str(tmp_path / "env")}

    def run(lines):
        script = lines.replace("8001", port)
        with (tmp_path / "out").open("w+") as out:
            subprocess.run([BASH, "-ec", script], env=environment, stdout=out, stderr=out, timeout=60, check=False)
            out.seek(0)
            return out.read()

    yield run
    for pid in (tmp_path / "pids").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)


def test_the_shell_gets_an_answer(shell):
    said = shell(block("Shell", "sh"))
    assert re.findall(r'"credits":(\d+)', said) == ["5000", "3"], said


def test_the_job_gives_its_next_step_an_address_and_a_key(shell, port, tmp_path):
    steps = yaml.safe_load(block("GitHub Actions", "yaml"))["jobs"]["test"]["steps"]
    (start,) = [step["run"] for step in steps if "cleanlist-sandbox" in step.get("run", "")]
    shell(start)
    given = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    headers = {"Authorization": f"Bearer {given['CLEANLIST_API_KEY']}"}
    assert given["CLEANLIST_BASE_URL"].endswith(port)
    control = {"X-Sandbox-Control": given["CLEANLIST_CONTROL_TOKEN"]}
    assert httpx.get(f"{given['CLEANLIST_BASE_URL']}/_sandbox/scenarios", headers=control).status_code == 200
    assert httpx.get(f"{given['CLEANLIST_BASE_URL']}/api/v2/whoami", headers=headers).status_code == 200


def test_the_fixtures_do_what_the_example_says(tmp_path):
    (tmp_path / "test_example.py").write_text(block("pytest", "python"))
    command = [sys.executable, "-m", "pytest", "-p", "sandbox.pytest_plugin", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(
        [*command, "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_container_becomes_healthy_and_prints_its_key(port, tmp_path):
    service = yaml.safe_load(block("Docker Compose", "yaml"))["services"]["cleanlist"]
    known = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["sandbox"]
    assert known["image"].startswith(f"{service['image']}:")

    data = service["command"][service["command"].index("--data") + 1]

    def inside(words):
        return [word.replace("8001", port).replace(data, str(tmp_path / "data")) for word in words]

    (shown,) = re.findall(r"exec cleanlist python (.*?)`", SECTIONS["Docker Compose"])
    _, program, *check = service["healthcheck"]["test"]
    environment = {**os.environ, "VAR_DIR": str(tmp_path)}
    serve = [sys.executable, "manage.py", *inside(service["command"])]
    with subprocess.Popen(serve, cwd=ROOT, env=environment) as process:
        assert program == "python"
        wait_for(
            lambda: subprocess.run([sys.executable, *inside(check)], stderr=subprocess.DEVNULL, check=False).returncode,
            lambda code: code == 0,
        )
        command = [sys.executable, *inside(shown.split())]
        printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
        process.terminate()
    assert '"api_key": "clapi_' in printed


def test_another_language_needs_an_address_and_a_key(sandbox):
    key = sandbox.credentials()["api_key"]
    environment = {**os.environ, "CLEANLIST_BASE_URL": sandbox.base_url, "CLEANLIST_API_KEY": key}
    program = [shutil.which("node"), "--input-type=module", "--eval", block("Other languages", "js")]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sandbox.credentials()["organization_id"]


def test_another_language_changes_the_scenario(tmp_path):
    _, program = re.findall(r"```js\n(.*?)```", SECTIONS["Other languages"], re.DOTALL)
    with SandboxProcess(tmp_path / "data") as process:
        token = process.credentials()["control_token"]
        environment = {**os.environ, "CLEANLIST_BASE_URL": process.base_url, "CLEANLIST_CONTROL_TOKEN": token}
        node = [shutil.which("node"), "--input-type=module", "--eval"]
        subprocess.run([*node, program.partition('await change("reset"')[0]], env=environment, check=True)
        assert process.control("scenarios", method="GET")["in_force"] == "low_credits"
        subprocess.run([*node, program], env=environment, check=True)
        assert process.control("scenarios", method="GET")["in_force"] == "normal"


def test_under_load_no_call_is_refused(shell):
    assert re.fullmatch(r"\s*100 200", shell(block("Load", "sh")).strip().splitlines()[-1])


def test_each_scenario_is_told_in_its_own_words():
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", SECTIONS["Scenarios"], re.MULTILINE))
    assert told == {name: scenario.about for name, scenario in SCENARIOS.items()}
