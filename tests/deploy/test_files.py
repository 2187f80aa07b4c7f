"""What deploy/ ships agrees with the console and with itself: settings, commands, ports, queues."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

import cleanlist
import dashboard
from dashboard.environment import VARIABLES, read_environment
from dashboard.programs import PROGRAMS
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("cleanlist-console:")}
CONSOLES = {name: service for name, service in OURS.items() if name != "sandbox"}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNITS = {path.name: path.read_text() for path in (DEPLOY / "systemd").iterdir()}


def made_env(domain="console.example.com"):
    done = subprocess.run([DEPLOY / "make-env", domain], check=True, capture_output=True, text=True)
    assert done.stdout == "".join(f"{line}\n" for line in done.stdout.splitlines() if line.strip())
    return {name: text.strip('"') for name, text in re.findall(r"^([A-Z_]+)=(.*)$", done.stdout, re.MULTILINE)}


def filled_in(text, values):
    """As Compose does it: ``${NAME}``, ``${NAME:?error}``, ``${NAME:-default}``."""
    return re.sub(r"\$\{([A-Z_]+)(?::[?-]([^}]*))?\}", lambda found: values.get(found[1], found[2] or ""), str(text))


def commands():
    """Every command that the files run: those of the containers, the image and the units."""
    image = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)[1]
    yield [word.strip('" ') for word in image.split(",")]
    yield from (service["command"] for service in OURS.values() if "command" in service)
    for text in UNITS.values():
        yield from (line.split() for line in re.findall(r"^ExecStart=\S+/cleanlist-console (.*)$", text, re.MULTILINE))


def test_every_command_exists():
    assert {words[0] for words in commands()} == {"web", "worker", "beat", "prepare", "sandbox"}
    assert {words[0] for words in commands()} <= {*PROGRAMS, *get_commands()}


@pytest.mark.parametrize("domain", ["console.example.com", "localhost"])
def test_the_env_that_is_made_gives_good_settings(domain, monkeypatch, tmp_path):
    values = made_env(domain)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert CONSOLES["web"]["env_file"] == ".env"
    for name, value in {**values, **CONSOLES["web"]["environment"]}.items():
        monkeypatch.setenv(name, filled_in(value, values))
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    environment = read_environment()
    assert environment.public_url == f"https://{domain}"
    assert not environment.embedded
    assert environment.trusted_proxy_count == 1
    command = SERVICES["sandbox"]["command"]
    sandbox = f"http://sandbox:{command[command.index('--port') + 1]}"
    assert (sandbox in environment.cleanlist_api_origins) == (domain == "localhost")


def test_the_env_that_is_made_is_fresh_and_has_every_value_that_compose_asks_for():
    first, second = made_env(), made_env()
    secret = {"SECRET_KEY", "ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "METRICS_TOKEN"}
    assert {name for name in first if first[name] != second[name]} == secret
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked - set(first) == {"CONSOLE_VERSION"}
    assert set(first) <= asked | set(VARIABLES)


def test_every_setting_that_the_files_give_is_one():
    given = {name for service in CONSOLES.values() for name in service["environment"]}
    given |= set(re.findall(r"^Environment=.*?(VAR_DIR)=", UNITS["common.conf"], re.MULTILINE))
    image = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    given |= set(re.findall(r"\b([A-Z_]+)=", DOCKERFILE.split("\nENV ")[1].split("\nUSER")[0])) - image
    assert given <= set(VARIABLES)
    assert {"STATIC_DIR", "VAR_DIR", "DATABASE_URL"} <= given


def test_every_queue_has_a_worker_and_there_is_one_clock():
    queues = [service["command"][2] for service in OURS.values() if service.get("command", [""])[0] == "worker"]
    assert sorted(queues) == sorted(settings.QUEUES)
    assert [service["command"] for service in OURS.values() if "beat" in service.get("command", [])] == [["beat"]]
    enabled = re.search(r"systemctl enable --now (.*?)\n```", (ROOT / "docs/production.md").read_text(), re.DOTALL)[1]
    assert set(re.findall(r"cleanlist-worker@(\w+)", enabled)) == set(settings.QUEUES)
    assert "cleanlist-beat" in enabled


def test_the_ports_agree():
    web = next(words for words in commands() if words[0] == "web")
    port = web[web.index("--port") + 1]
    assert SERVICES["proxy"]["environment"]["UPSTREAM"] == f"web:{port}"
    assert f"EXPOSE {port}\n" in DOCKERFILE
    assert f"http://127.0.0.1:{port}/healthz" in DOCKERFILE
    enabled = re.findall(r"cleanlist-web@(\d+)", (ROOT / "docs/production.md").read_text())
    for name in ("nginx.conf", "Caddyfile"):
        assert set(re.findall(r"127\.0\.0\.1:(\d+)", (DEPLOY / name).read_text())) == set(enabled)


def test_the_image_holds_what_the_console_needs_and_is_not_run_as_root():
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    packages = re.search(r"^PACKAGES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert let_in == {*packages, "manage.py", "pyproject.toml", "requirements.txt", "static", "templates"}
    assert "--require-hashes --only-binary :all:" in DOCKERFILE
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d+$", last, re.MULTILINE)
    assert "build-essential" not in DOCKERFILE
    assert "gcc" not in DOCKERFILE
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_units_write_where_the_settings_say_and_come_back():
    common = UNITS["common.conf"]
    assert "StateDirectory=cleanlist-console\n" in common
    assert "VAR_DIR=/var/lib/cleanlist-console " in common
    assert "Restart=always" in common


def test_the_shipper_of_the_readme_listens_to_the_units():
    units = re.search(r"include_units = \[(.*?)\]", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    templates = {name.split(".")[0] for name in UNITS if name.endswith(".service")}
    assert {re.sub(r"@.*", "@", name) for name in re.findall(r'"([^"]+)"', units)} == templates


def test_settings_that_upgrade_notes_name_are_there():
    named = set(re.findall(r"`([A-Z_]{4,})[`=]", (ROOT / "docs/upgrading.md").read_text()))
    assert named
    assert named <= set(VARIABLES)


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*")), ids=str)
def test_every_file_is_told_of(path):
    told = (ROOT / "README.md").read_text() + (ROOT / "docs/production.md").read_text()
    assert path.is_dir() or path.name in told or Path(path.parent.name) == Path("systemd")


def test_calls_and_pages_name_the_same_version_and_the_changelog_has_it():
    assert cleanlist.__version__ == dashboard.__version__
    newest = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert newest == "Unreleased" or newest.startswith(f"{dashboard.__version__} (")
    assert f"cleanlist_console-{dashboard.__version__}-py3" in (ROOT / "README.md").read_text()
