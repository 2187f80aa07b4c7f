"""Who comes from an older version ends with the same tables as who begins with this one.

The first migration of each app replaces all those until version 0.2.0, which stay for whoever has begun with them.
"""

import subprocess
import sys
from contextlib import contextmanager

import psycopg
import pytest
from django.db import ConnectionHandler, connection
from psycopg import sql

from core.secret_files import generate_secret
from tests import schema
from tests.conftest import ROOT, clean_environment

pytestmark = pytest.mark.django_db
# What there was on one day. Each app had begun with what is replaced, and was not at its end.
THEN = {"workspaces": "0007", "alerts": "0001_initial", "keys": "0007", "usage": "0003", "webhooks": "0008"}
UPGRADE = f"""
import django

django.setup()
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from tests.old_schema import migrate_by_old_files

migrate_by_old_files(*{THEN}.items(), ("sessions", "0001"), ("usersessions", "0001"))
Session.objects.create(pk="a" * 32, session_data="", expire_date=timezone.now())
user = get_user_model().objects.create(email="viewer@example.test")
UserSession.objects.create(user=user, session_key="a" * 32, ip="192.0.2.1", user_agent="Old/1")
call_command("migrate", verbosity=0)
assert len(Session.objects.get().pk) == len(UserSession.objects.get().session_key) == 40
call_command("migrate", check_unapplied=True)
"""
FRESH = """
import django

django.setup()
from django.core.management import call_command

call_command("migrate", verbosity=0)
"""


@pytest.fixture
def made_by(tmp_path):
    """Return what a database consists of that a script has made in a process of its own."""

    def run(name, script):
        with empty_database(tmp_path / name) as (settings, variables):
            environment = clean_environment(DJANGO_SETTINGS_MODULE="config.settings", VAR_DIR=tmp_path, **variables)
            subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, timeout=240)
            return described(settings)

    return run


def described(settings):
    there = ConnectionHandler({"default": connection.settings_dict | settings})["default"]
    try:
        return schema.describe_schema(there)
    finally:
        there.close()


@contextmanager
def empty_database(path):
    """Give the settings by which it is found, and the variables by which a process finds it."""
    keys = {"SECRET_KEY": generate_secret("django"), "ENCRYPTION_KEYS": generate_secret("fernet")}
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        yield {"NAME": path}, {"DATABASE_URL": f"sqlite:///{path}", **keys}
        return
    name = f"{there['NAME']}_{path.name}"
    url = f"postgres://{there['USER']}:{there['PASSWORD']}@{there['HOST']}:{there['PORT']}/{name}"
    with psycopg.connect(**{**connection.get_connection_params(), "dbname": "postgres"}, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"NAME": name}, {"DATABASE_URL": url, "PUBLIC_URL": "https://console.example.test", **keys}
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def fresh(made_by, tables):
    """What the database of a new installation consists of."""
    if tables is None:
        return made_by("fresh", FRESH)
    return described({"NAME": tables})


@pytest.mark.timeout(300)
def test_an_older_version_is_updated_to_the_same_tables_as_a_new_installation_has(fresh, made_by):
    updated = made_by("updated", UPGRADE)
    assert len(fresh) > 150
    assert sorted(updated - fresh, key=str) == sorted(fresh - updated, key=str) == []
