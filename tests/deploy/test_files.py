"""What deploy/ ships agrees with the console and with itself: settings, commands, ports, queues."""

import io
import os
import re
import shutil
import stat
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from dotenv import dotenv_values

import cleanlist
import config
from config.environment import VARIABLES, read_environment
from config.programs import PROGRAMS
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


def commands_of_docs():
    """And those that README and docs/production.md tell people to run, by hand and in Kubernetes."""
    docs = (ROOT / "docs/production.md").read_text()
    yield from (line.split() for line in re.findall(r"\bargs `([^`]+)`", docs))
    yield from (line.split() for line in re.findall(r"`run --rm .*?web ([^`<]+)", docs))
    yield from (
        line.split() for line in re.findall(r"manage\.py ([a-z]\w+(?: [^`|<#\n]+)?)", (ROOT / "README.md").read_text())
    )


def given_options():
    """What stands with a dash behind each command, in the files and in the docs."""
    found = defaultdict(set)
    for words in [*commands(), *commands_of_docs()]:
        found[words[0]] |= {word.split("=")[0] for word in words if re.match("-[A-Za-z-]", word)}
    return {name: options for name, options in sorted(found.items()) if options}


@pytest.mark.parametrize(("name", "given"), given_options().items())
def test_every_option_that_is_given_is_one(name, given, manage, tmp_path):
    """By what the program itself says of them."""
    if name in PROGRAMS:
        said = manage(name, *(["serve"] if name == "sandbox" else []), "--help", VAR_DIR=tmp_path).stdout
    else:
        said = load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()
    assert given <= set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", said))


def test_compose_refers_to_nothing_that_is_not_there():
    used = {text.split(":")[0] for service in SERVICES.values() for text in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all((DEPLOY / name).is_file() for name in used if name.startswith("."))
    assert {other for service in SERVICES.values() for other in service.get("depends_on", {})} <= set(SERVICES)
    addresses = " ".join(
        str(value) for service in SERVICES.values() for value in service.get("environment", {}).values()
    )
    hosts = set(re.findall(r"(?:@|^| )([a-z]+):\d+", addresses)) | {made_env()["EMAIL_URL"].split("/")[2].split(":")[0]}
    assert {"database", "valkey", "web", "mail"} <= hosts <= set(SERVICES)


def test_systemd_knows_every_word_of_the_units(tmp_path):
    for name, text in UNITS.items():
        if name != "common.conf":
            (tmp_path / name).write_text(text.replace("/opt/cleanlist-console/bin/cleanlist-console", "/bin/true"))
        if name.endswith(".service"):
            (tmp_path / f"{name}.d").mkdir()
            (tmp_path / f"{name}.d" / "common.conf").write_text(UNITS["common.conf"])
    instances = {"cleanlist-web@": "8000", "cleanlist-worker@": "polling"}
    units = [
        re.sub("(.*@)", lambda found: found[1] + instances[found[1]], name) for name in UNITS if "common" not in name
    ]
    done = subprocess.run(
        [shutil.which("systemd-analyze"), "verify", "--man=no", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "cleanlist" in line]) == (0, [])


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


def test_secrets_that_are_made_into_a_file_are_open_to_nobody_else(tmp_path):
    """The shell makes the file, with whatever it grants, before make-env begins."""
    path = tmp_path / ".env"
    path.touch()
    path.chmod(0o644)
    with path.open("w") as file:
        subprocess.run([DEPLOY / "make-env", "console.example.com"], check=True, stdout=file)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "SECRET_KEY=" in path.read_text()


@pytest.mark.parametrize("name", ["https://console.example.com", "console.example.com:443", "two words", "a$b"])
def test_no_env_is_made_for_what_is_no_name(name):
    done = subprocess.run([DEPLOY / "make-env", name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Give the name alone" in done.stderr


def test_no_env_with_empty_secrets_is_made(tmp_path):
    (tmp_path / "cat").symlink_to(shutil.which("cat"))
    command = [shutil.which("sh"), DEPLOY / "make-env", "console.example.com"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "openssl" in done.stderr


def as_systemd(text):
    """What an EnvironmentFile gives: nothing ends a value but its line, and quotes count around the whole of it."""
    return {name: value.strip().strip("'\"") for name, value in re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)}


def test_whatever_is_uncommented_in_the_sample_means_the_same_to_systemd():
    sample = re.sub(r"^# (?=[A-Z_]+=)", "", (ROOT / ".env.sample").read_text(), flags=re.MULTILINE)
    read_here = dotenv_values(stream=io.StringIO(sample), interpolate=False)
    assert set(read_here) == set(VARIABLES)
    assert as_systemd(sample) == read_here


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


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_fills_the_disk(name):
    """Of containers, whose lines Docker keeps for ever otherwise; systemd bounds its journal by itself."""
    logging = SERVICES[name]["logging"]
    assert {"max-size", "max-file"} == set(logging["options"])


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
    assert cleanlist.__version__ == config.__version__
    newest = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert newest == "Unreleased" or newest.startswith(f"{config.__version__} (")
    assert f"cleanlist_console-{config.__version__}-py3" in (ROOT / "README.md").read_text()
