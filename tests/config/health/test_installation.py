"""`manage.py check_install`: each part that can be wrong is, once, and is told in words."""

import shutil
import smtplib
from dataclasses import replace

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import OperationalError, connection
from psycopg import sql

from cleanlist import Secret
from config.health import installation, liveness
from config.health.installation import check_installation
from core.encryption import EncryptedValue
from core.secret_files import generate_secret
from tests.console_process import free_port
from workspaces.models import Heartbeat, User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.liveness]


@pytest.fixture
def whole(settings, tmp_path, monkeypatch):
    """An installation in which nothing is wrong."""
    User.objects.create_superuser("admin@example.test", "a password of the tests")
    (tmp_path / "staticfiles.json").touch()
    settings.STATIC_ROOT = tmp_path
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, database_url="")  # whose mail may be files
    for kind, name in ((Heartbeat.Kind.CLOCK, "clock"), *((Heartbeat.Kind.QUEUE, queue) for queue in settings.QUEUES)):
        Heartbeat.beat(kind, name)
    monkeypatch.setattr(installation, "_django", lambda: iter(()))  # about settings of production
    liveness.clear_cache()
    yield settings
    liveness.clear_cache()


def wrong():
    return {found.part: f"{found.text} | {found.advice}" for found in check_installation() if found.advice}


def test_where_nothing_is_wrong_it_says_so(whole, capsys):
    call_command("check_install")
    said = capsys.readouterr().out
    assert said.endswith("No problems found.\n")
    assert "error" not in said
    assert f"Database: {'PostgreSQL' if connection.vendor == 'postgresql' else 'SQLite'}" in said
    assert "Redis: Valkey 9." in said


def test_what_is_wrong_ends_it_with_1_and_says_what_to_do(whole, capsys):
    User.objects.all().delete()
    with pytest.raises(SystemExit, match="1"):
        call_command("check_install")
    said = capsys.readouterr().out
    assert "error  Site admins: 0\n       Run prepare or createsuperuser.\n" in said
    assert said.endswith("1 error found.\n")


def test_redis_that_does_not_answer(whole, tmp_path):
    whole.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    assert list(wrong()) == ["Redis"]


def test_static_files_that_were_not_collected(whole, tmp_path):
    whole.STATIC_ROOT = tmp_path / "nothing"
    assert "Run prepare" in wrong()["Static files"]


def test_tables_of_an_older_version(whole):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    assert wrong() == {"Tables": "1 migrations pending | Run prepare."}


def test_a_database_that_is_away(whole, monkeypatch):
    def refuse():
        raise OperationalError("connection refused\nmore of it")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    assert wrong() == {"Database": "connection refused | Start it or correct DATABASE_URL."}


@pytest.mark.postgresql
def test_a_postgresql_that_is_too_old(whole, monkeypatch):
    monkeypatch.setattr(installation, "OLDEST_POSTGRESQL", 99)
    assert "Update it to 99" in wrong()["Database"]


def test_a_database_that_takes_nothing(whole, monkeypatch):
    def refuse(*_):
        raise OperationalError("disk full")

    monkeypatch.setattr(Heartbeat, "beat", refuse)
    assert wrong()["Writing"].startswith("disk full")


def test_keys_that_do_not_open_what_is_stored(whole):
    Workspace.objects.create(name="One", slug="one", api_key=EncryptedValue.encrypt(Secret("clapi_of_the_tests")))
    assert wrong() == {}
    whole.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "ENCRYPTION_KEYS" in wrong()["Encryption keys"]


def test_background_work_that_is_silent(whole):
    Heartbeat.objects.all().delete()
    liveness.clear_cache()
    assert "Start them" in wrong()["Workers and clock"]


def test_a_mail_server_that_is_not_there(whole):
    whole.ENVIRONMENT = replace(whole.ENVIRONMENT, email_url="smtp://127.0.0.1")
    whole.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    whole.EMAIL_HOST, whole.EMAIL_PORT = "127.0.0.1", free_port()
    assert "EMAIL_URL" in wrong()["Mail"]


def test_a_mail_server_that_refuses_the_sign_in_is_quoted(whole, monkeypatch):
    def refuse(_):
        raise smtplib.SMTPAuthenticationError(535, b"5.7.8 Wrong password")

    monkeypatch.setattr("django.core.mail.backends.smtp.EmailBackend.open", refuse)
    whole.ENVIRONMENT = replace(whole.ENVIRONMENT, email_url="smtp://mail.example.test")
    whole.EMAIL_BACKEND, whole.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "mail.example.test"
    assert wrong() == {"Mail": "mail.example.test said: 535 5.7.8 Wrong password | Correct EMAIL_URL."}


def test_https_without_a_proxy_that_is_named(whole):
    whole.PUBLIC_URL = "https://console.example.test"
    assert "TRUSTED_PROXY_COUNT" in wrong()["Address"]


def test_an_address_without_tls_in_production(whole):
    assert wrong() == {}
    whole.ENVIRONMENT = replace(whole.ENVIRONMENT, database_url="postgres://…", email_url="smtp://127.0.0.1")
    whole.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    whole.PUBLIC_URL = "http://console.example.test"
    assert list(wrong()) == ["Address"]
    assert "set PUBLIC_URL to its https:// address" in wrong()["Address"]


def test_a_slip_in_the_environment(whole, monkeypatch):
    monkeypatch.setenv("EMIAL_URL", "smtp://mail.example.test")
    assert wrong() == {"Settings": "EMIAL_URL is set but isn't a known setting | Did you mean EMAIL_URL?"}


def test_a_file_of_secrets_that_everybody_may_read(whole, monkeypatch, tmp_path):
    path = tmp_path / "settings"
    path.write_text("PORT=8000\nOIDC_CLIENT_SECRET=hush\n")
    path.chmod(0o644)
    monkeypatch.setenv("ENV_FILE", str(path))
    assert wrong() == {"Settings": f"every account on this machine can read {path} | Run chmod o= {path}"}
    path.chmod(0o640)
    assert wrong() == {}


def test_a_file_of_settings_without_secrets_may_be_read(whole, monkeypatch, tmp_path):
    path = tmp_path / "settings"
    path.write_text("PORT=8000\n")
    path.chmod(0o644)
    monkeypatch.setenv("ENV_FILE", str(path))
    assert wrong() == {}


def test_a_disk_that_is_nearly_full(whole, monkeypatch):
    monkeypatch.setattr(installation, "LEAST_FREE_BYTES", shutil.disk_usage(whole.VAR_DIR).free + 2**33)
    assert "Free up disk space" in wrong()["VAR_DIR"]


def of_production(database_url):
    keys = {"SECRET_KEY": generate_secret("django"), "ENCRYPTION_KEYS": generate_secret("fernet")}
    return {"DATABASE_URL": database_url, "PUBLIC_URL": "https://console.example.test", **keys}


@pytest.mark.postgresql
def test_a_database_that_cannot_hold_every_text_gets_no_tables(manage, tmp_path):
    there = connection.settings_dict
    name = f"{there['NAME']}_ascii"
    made = sql.SQL("CREATE DATABASE {} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url = f"postgres://{there['USER']}:{there['PASSWORD']}@{there['HOST']}:{there['PORT']}/{name}"
    with psycopg.connect(**{**connection.get_connection_params(), "dbname": "postgres"}, autocommit=True) as server:
        server.execute(made.format(sql.Identifier(name)))
        try:
            done = manage("prepare", VAR_DIR=tmp_path, **of_production(url))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    assert done.returncode == 1
    assert "SQL_ASCII. Create a new one: createdb --encoding UTF8 --template template0." in done.stderr


@pytest.mark.parametrize("command", ["prepare", "verify_audit", "migrate"])
def test_a_command_says_in_words_that_the_database_is_away(manage, tmp_path, command):
    url = f"postgres://console:hush@127.0.0.1:{free_port()}/console"
    done = manage(command, VAR_DIR=tmp_path, **of_production(url))
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


def test_what_django_warns_of_is_wrong_but_not_what_the_console_decided_otherwise(manage, tmp_path):
    done = manage("check_install", VAR_DIR=tmp_path, **of_production("sqlite:///" + str(tmp_path / "console.sqlite3")))
    assert "HSTS" not in done.stdout


def test_an_address_without_tls_is_told_once_and_not_in_djangos_words(manage, tmp_path, tables):
    variables = of_production("sqlite:///" + str(tmp_path / "console.sqlite3")) | {"PUBLIC_URL": "http://console.lan"}
    if tables:
        shutil.copy(tables, tmp_path / "console.sqlite3")
    else:
        manage("migrate", "-v0", VAR_DIR=tmp_path, **variables)
    done = manage("check_install", VAR_DIR=tmp_path, **variables)
    assert "error  Address: http://console.lan" in done.stdout
    for jargon in ("SECURE_", "COOKIE", "HSTS"):
        assert jargon not in done.stdout
