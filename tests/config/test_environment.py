import dataclasses
import os
import re
import stat

import pytest
from cryptography.fernet import Fernet

from config.connections import redis_socket
from config.environment import ROOT, VARIABLES, ConfigurationError, Environment, read_environment

GOOD_KEYS = {"SECRET_KEY": "abcdefghij" * 5, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
POSTGRES = "postgres://console:hush@127.0.0.1:5432/console"


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Read the configuration from nothing but the given variables."""

    def read_with(**variables):
        for name in [*VARIABLES, *(f"{name}_FILE" for name in VARIABLES)]:
            monkeypatch.setenv(name, "")  # so that what a file adds is taken back afterwards
            monkeypatch.delenv(name)
        place = {} if "VAR_DIR_FILE" in variables else {"VAR_DIR": str(tmp_path / "var")}
        for name, value in {"ENV_FILE": "", **place, **variables}.items():
            monkeypatch.setenv(name, value)
        return read_environment()

    return read_with


def test_without_any_setting_the_embedded_set_is_complete(read, tmp_path):
    environment = read()
    assert environment.embedded
    assert environment.databases["default"]["NAME"] == str(tmp_path / "var" / "console.sqlite3")
    assert environment.public_url == "http://localhost:8000"


def test_the_secrets_it_makes_are_its_owners_alone_and_stay_the_same(read, tmp_path):
    first = read()
    path = tmp_path / "var" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read().encryption_keys == first.encryption_keys


@pytest.mark.parametrize("spelling", ["Europe/Berlin", "europe/berlin", " EUROPE/BERLIN"])
def test_the_time_zone_is_taken_in_any_case(read, spelling):
    assert read(TIME_ZONE=spelling).time_zone == "Europe/Berlin"


BAD = {
    "KEEP_REQUESTS_ROWS": "9999",
    "PORT": "http",
    "SANDBOX_PORT": "70000",
    "DEBUG": "perhaps",
    "PUBLIC_URL": "console.example.com",
    "TRUSTED_PROXY_COUNT": "-1",
    "SECRET_KEY": "short",
    "ENCRYPTION_KEYS": "short",
    "DATABASE_URL": "mysql://console@127.0.0.1/console",
    "REDIS_URL": "127.0.0.1:6379",
    "EMAIL_URL": "smtps://mail.example.com",
    "EMAIL_FROM": "nonsense",
    "HEARTBEAT_URL": "hc-ping.com/hush",
    "CONSOLE_ADMIN_EMAIL": "admin",
    "CLEANLIST_API_ORIGINS": "https://api.cleanlist.ai/api/v1",
    "OIDC_ISSUER_URL": "http://login.example.com",
    "SSO_ONLY_EXCEPT": "admin",
    "REQUIRE_SECOND_FACTOR": "perhaps",
    "SESSION_IDLE_MINUTES": "4",
    "SESSION_HOURS": "0",
    "RATE_LIMIT_PER_MINUTE": "0",
    "RATE_LIMIT_SHARE_PERCENT": "101",
    "POLL_KEYS_SECONDS": "often",
    "TIME_ZONE": "Vienna",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_refused_by_name(read, name):
    with pytest.raises(ConfigurationError, match=f"^  {name}: "):
        read(**{name: BAD[name]})


def test_all_bad_values_are_told_at_once(read):
    with pytest.raises(ConfigurationError) as caught:
        read(**BAD)
    assert {line.split(":")[0].strip() for line in str(caught.value).splitlines()} == set(BAD)


@pytest.mark.parametrize(
    "address",
    [
        {"DATABASE_URL": "postgres://console:hush@127.0.0.1:port/console"},
        {"DATABASE_URL": "postgres://console:hush/hush@127.0.0.1:5432/console"},
        {"REDIS_URL": "redis://:hush@127.0.0.1:port/0"},
        {"REDIS_URL": "redis://:hush#hush@127.0.0.1:6379/0"},
        {"REDIS_URL": "redis://:hush@127.0.0.1:6379/0?ssl_ca_certs=/etc/hush"},
        {"REDIS_URL": "rediss://:hush@redis.example.com:6379/0?ssl_ca_cert=/etc/hush"},
        {"REDIS_URL": "redis://:hush@127.0.0.1:6379/0?socket_timeout=hush"},
    ],
)
def test_a_refused_address_does_not_show_its_password_but_how_to_write_one(read, address):
    with pytest.raises(ConfigurationError, match=r"use \w+://.*# as %23") as caught:
        read(**address, **GOOD_KEYS)
    assert "hush" not in str(caught.value)


def test_a_database_that_vanished_without_a_word_is_not_waited_for_long(read):
    """By itself a connection to it waits for a quarter of an hour. What the address says of it wins."""
    here = read(DATABASE_URL=POSTGRES, **GOOD_KEYS).databases["default"]["OPTIONS"]
    assert here["connect_timeout"] <= 10
    assert here["tcp_user_timeout"] <= 30_000
    there = read(DATABASE_URL=f"{POSTGRES}?connect_timeout=3&sslmode=require", **GOOD_KEYS).databases["default"]
    assert there["OPTIONS"] == {**here, "connect_timeout": 3, "sslmode": "require"}


def test_a_production_database_needs_chosen_keys(read):
    with pytest.raises(ConfigurationError, match=r"SECRET_KEY: must be set.*generate_keys") as caught:
        read(DATABASE_URL=POSTGRES)
    assert "ENCRYPTION_KEYS: must be set" in str(caught.value)


def test_with_a_production_database_credentials_go_to_the_hosted_api_only(read):
    environment = read(DATABASE_URL=POSTGRES, **GOOD_KEYS)
    assert environment.cleanlist_api_origins == ["https://api.cleanlist.ai", "https://clerk.cleanlist.ai"]


def test_the_embedded_set_may_talk_to_its_own_sandbox(read):
    assert "http://127.0.0.1:8201" in read(SANDBOX_PORT="8201").cleanlist_api_origins


def test_one_port_cannot_serve_two(read):
    with pytest.raises(ConfigurationError, match="SANDBOX_PORT: must differ"):
        read(PORT="8001")


def test_a_directory_that_cannot_be_made_is_told(read, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"VAR_DIR: .*choose a writable directory"):
        read(VAR_DIR=str(tmp_path / "file" / "var"))


def test_a_file_of_settings_is_read_and_the_environment_wins(read, tmp_path):
    (tmp_path / "settings").write_text("PORT=8111\nSANDBOX_PORT=8333\n")
    environment = read(ENV_FILE=str(tmp_path / "settings"), PORT="8222")
    assert (environment.port, environment.sandbox_port) == (8222, 8333)


SLIPS = {
    "EMIAL_URL": "EMAIL_URL",
    "DATABASE_URI": "DATABASE_URL",
    "ENCRYPTION_KEY": "ENCRYPTION_KEYS",
    "METRICS_TOKEN_FILES": "METRICS_TOKEN_FILE",
    "port": "PORT",
}


@pytest.mark.parametrize(("slip", "meant"), list(SLIPS.items()))
def test_a_slip_in_a_name_of_the_file_is_told_with_what_is_meant(read, tmp_path, slip, meant):
    (tmp_path / "settings").write_text(f"{slip}=1\n")
    with pytest.raises(ConfigurationError, match=rf"^  {slip}: unknown setting. Did you mean {meant}\?"):
        read(ENV_FILE=str(tmp_path / "settings"))


def test_other_names_in_the_file_are_somebody_elses(read, tmp_path):
    compose = ["DOMAIN", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "ACME_API_KEY", "SMTP_PORT", "SSH_PORT"]
    (tmp_path / "settings").write_text("".join(f"{name}=1\n" for name in compose))
    assert read(ENV_FILE=str(tmp_path / "settings")).port == 8000


SENDERS = ["console@example.com", "Console <console@mailhost>", '"Ops, on call" <ops@example.com>', "c@localhost"]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_is_an_address_with_or_without_a_name(read, sender):
    assert read(EMAIL_FROM=sender).email_from == sender


@pytest.mark.parametrize(
    "sender", ["", "Console", "a@b.example, c@d.example", "Ops <ops@>", "a@b.example\nBcc: c@d.example"]
)
def test_anything_else_is_no_sender(read, sender):
    with pytest.raises(ConfigurationError, match="EMAIL_FROM: use an address"):
        read(EMAIL_FROM=sender)


def test_former_secret_keys_are_kept_as_fallbacks(read):
    former = "zyxwvutsrq" * 5
    assert read(SECRET_KEY_FALLBACKS=former).secret_key_fallbacks == [former]


def test_nothing_secret_is_in_the_repr(read):
    text = repr(read(DATABASE_URL=POSTGRES, CONSOLE_ADMIN_PASSWORD="hush-hush", **GOOD_KEYS))
    assert "hush" not in text
    assert GOOD_KEYS["SECRET_KEY"] not in text


def test_a_mail_server_is_waited_for_ten_seconds_at_most(read):
    assert read(EMAIL_URL="submission://me:pw@mail.example.com:587").email["EMAIL_TIMEOUT"] == 10


@pytest.mark.parametrize("name", ["x" * 120, "with space", "ünï", "per%20cent", "hash#tag"])
def test_a_directory_that_no_socket_address_can_hold_gets_a_short_private_one(tmp_path, name):
    socket = redis_socket(tmp_path / name)
    assert tmp_path not in socket.parents
    assert len(os.fsencode(socket)) < 104


def test_an_ordinary_directory_holds_its_own_socket(tmp_path):
    assert redis_socket(tmp_path) == tmp_path / "redis" / "redis.sock"


def test_single_sign_on_is_off_unless_it_is_set(read):
    assert read().oidc is None


def test_single_sign_on_alone_needs_a_provider(read):
    with pytest.raises(ConfigurationError, match="SSO_ONLY_EXCEPT: requires OIDC_ISSUER_URL"):
        read(SSO_ONLY_EXCEPT="admin@example.com")


def test_single_sign_on_needs_its_client_and_secret(read):
    with pytest.raises(ConfigurationError, match=r"OIDC_CLIENT_ID(?s:.)*OIDC_CLIENT_SECRET"):
        read(OIDC_ISSUER_URL="https://login.example.com")


@pytest.mark.parametrize(
    ("variables", "allowed"),
    [
        ({}, True),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, True),
        ({"PUBLIC_URL": "https://console.example.com"}, False),
        ({"BIND_ADDRESS": "192.0.2.7"}, False),
        ({"ALLOWED_HOSTS": "console.lan"}, False),
        ({"TRUSTED_PROXY_COUNT": "1"}, False),
        ({"DATABASE_URL": POSTGRES, **GOOD_KEYS}, False),
        ({"DATABASE_URL": POSTGRES, **GOOD_KEYS, "WEBHOOK_ALLOW_LOCAL_TARGETS": "true"}, True),
        ({"WEBHOOK_ALLOW_LOCAL_TARGETS": "false"}, False),
    ],
)
def test_webhooks_go_to_this_machine_only_where_nobody_else_reaches_the_console(read, variables, allowed):
    assert read(**variables).webhook_allow_local_targets is allowed


DECLARED = {declared.name.upper(): declared.metadata["default"] for declared in dataclasses.fields(Environment)}
README_ROWS = [
    (re.findall(r"`([A-Z_]+)`", row[1]), row[2])
    for row in re.finditer(
        r"^\| (`[A-Z_`, ]+`) \| (.*?) \|",
        (ROOT / "README.md").read_text().split("## Settings")[1].split("\n## ")[0],
        re.MULTILINE,
    )
]
SAMPLE_LINES = re.findall(r"^# ([A-Z_]+)=(\S*)", (ROOT / ".env.sample").read_text(), re.MULTILINE)


def test_the_readme_and_the_sample_name_every_setting_once_and_no_other():
    assert sorted(name for names, _ in README_ROWS for name in names) == sorted([*DECLARED, "ENV_FILE"])
    assert sorted(name for name, _ in SAMPLE_LINES) == sorted(DECLARED)


NUMBERS = {name: default for name, default in DECLARED.items() if type(default) is int}


@pytest.mark.parametrize("name", NUMBERS)
def test_the_readme_and_the_sample_tell_the_number_that_is_the_default(name):
    told = next(cell for names, cell in README_ROWS if name in names)
    assert f"`{NUMBERS[name]}`" in told
    assert dict(SAMPLE_LINES)[name] == str(NUMBERS[name])


# A value that each setting takes, as it stands in a file.
GOOD = {
    **{name: str(default) for name, default in DECLARED.items() if isinstance(default, int | str) and default != ""},
    **GOOD_KEYS,
    "STATIC_DIR": "/srv/static",
    "ALLOWED_HOSTS": "console.lan",
    "CLEANLIST_API_ORIGINS": "https://api.example.com",
    "CONSOLE_ADMIN_PASSWORD": " hush # hush ",
    "DATABASE_URL": POSTGRES,
    "EMAIL_URL": "submission://me:hush@mail.example.com:587",
    "HEARTBEAT_URL": "https://hc-ping.com/hush",
    "METRICS_TOKEN": "hush-hush-hush-hush",
    "OIDC_CLIENT_ID": "me",
    "OIDC_CLIENT_SECRET": "hush",
    "OIDC_ISSUER_URL": "https://login.example.com",
    "PORT": "8111",
    "SSO_ONLY_EXCEPT": "admin@example.com",
    "PUBLIC_URL": "http://console.lan",
    "REDIS_URL": "redis://:hush@127.0.0.1:6379/0",
    "SECRET_KEY_FALLBACKS": "zyxwvutsrq" * 5,
    "WEBHOOK_ALLOW_LOCAL_TARGETS": "true",
}


def test_every_setting_can_be_in_a_file_of_its_own(read, tmp_path):
    given = {**GOOD, "VAR_DIR": str(tmp_path / "elsewhere")}
    for name, value in given.items():
        (tmp_path / name).write_text(value + "\n")
    assert set(given) == set(VARIABLES)
    in_files = read(**{f"{name}_FILE": str(tmp_path / name) for name in given})
    assert in_files == read(**given)
    assert (in_files.port, in_files.console_admin_password) == (8111, " hush # hush ")


def test_a_setting_and_its_file_together_are_refused(read, tmp_path):
    (tmp_path / "token").write_text("hush-hush-hush-hush")
    with pytest.raises(ConfigurationError, match=r"^  METRICS_TOKEN: set either this or METRICS_TOKEN_FILE, not both$"):
        read(METRICS_TOKEN="hush-hush-hush-other", METRICS_TOKEN_FILE=str(tmp_path / "token"))


def test_an_empty_setting_beside_its_file_is_as_good_as_none(read, tmp_path):
    (tmp_path / "token").write_text("hush-hush-hush-hush")
    assert read(METRICS_TOKEN="", METRICS_TOKEN_FILE=str(tmp_path / "token")).metrics_token == "hush-hush-hush-hush"


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "token")
    assert read(METRICS_TOKEN_FILE=str(tmp_path / "token")).metrics_token == ""


@pytest.mark.parametrize("kind", ["missing", "directory", "binary"])
def test_a_file_that_cannot_be_read_is_told_by_its_path_and_not_by_what_it_holds(read, tmp_path, kind):
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"hush\xff\xfe")
    with pytest.raises(ConfigurationError) as caught:
        read(METRICS_TOKEN_FILE=str(path), PORT="http")
    assert f"METRICS_TOKEN_FILE: '{path}' can't be read" in str(caught.value)
    assert "PORT: " in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_file_of_settings_may_name_the_file_of_a_secret(read, tmp_path):
    (tmp_path / "token").write_text("hush-hush-hush-hush\r\n")
    (tmp_path / "settings").write_text(f"METRICS_TOKEN_FILE={tmp_path / 'token'}\n")
    assert read(ENV_FILE=str(tmp_path / "settings")).metrics_token == "hush-hush-hush-hush"


@pytest.mark.parametrize("url", ["https://console.example.com", "HTTPS://console.example.com"])
def test_debugging_is_refused_where_the_console_is_reached_by_https(read, url):
    with pytest.raises(ConfigurationError, match=r"DEBUG: must be off when PUBLIC_URL is https"):
        read(DEBUG="true", PUBLIC_URL=url)
    assert read(DEBUG="true", PUBLIC_URL="http://localhost:8000").debug


@pytest.mark.parametrize("rows", ["0", "10000"])
def test_a_limit_on_rows_may_be_left_out_or_ample(read, rows):
    assert read(KEEP_REQUESTS_ROWS=rows).keep_requests_rows == int(rows)
