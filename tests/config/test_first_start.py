"""What a first start makes: an account, and a workspace connected to the sandbox."""

import pytest
from django.core.management import CommandError, call_command

from config import first_start
from config.embedded import CannotStart
from config.embedded.sandbox_connection import connect_sandbox
from config.environment import ConfigurationError
from config.first_start import ensure_admin
from workspaces.audit.events import CONSOLE
from workspaces.models import Role, User, Workspace
from workspaces.services import remove_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return User.objects.create_superuser("admin@example.test", "correct horse battery staple")


@pytest.fixture
def connected(sandbox, admin):
    connect_sandbox(sandbox.data_dir)
    return Workspace.objects.get()


def test_the_workspace_has_all_that_the_sandbox_gives(connected, sandbox, admin):
    assert connected.base_url == sandbox.base_url
    assert connected.organization_id == sandbox.credentials()["organization_id"]
    assert connected.has_api_key
    assert connected.has_session
    assert connected.memberships.get(user=admin).role == Role.OWNER


def test_its_balance_has_the_past_that_the_sandbox_tells_marked_as_a_demonstration(connected):
    done = connected.balance_imports.get()
    assert done.is_demo
    assert 0 < done.rows == connected.balance_readings.count()


def test_a_second_start_leaves_it_as_it_is(connected, sandbox):
    connect_sandbox(sandbox.data_dir)
    assert Workspace.objects.get() == connected
    assert connected.balance_imports.count() == 1


def test_it_follows_the_sandbox_to_another_port(connected, sandbox):
    Workspace.objects.update(base_url="http://127.0.0.1:9")
    connect_sandbox(sandbox.data_dir)
    assert Workspace.objects.get().base_url == sandbox.base_url


def test_what_somebody_removed_does_not_come_back(connected, sandbox):
    remove_workspace(connected, CONSOLE)
    connect_sandbox(sandbox.data_dir)
    assert not Workspace.objects.exists()


def test_a_sandbox_without_credentials_is_told(tmp_path, admin):
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="returned no credentials"):
        connect_sandbox(tmp_path / "file")


@pytest.fixture
def chosen(monkeypatch):
    def choose(email, password):
        values = type("Environment", (), {"console_admin_email": email, "console_admin_password": password})
        monkeypatch.setattr(first_start, "ENVIRONMENT", values)

    return choose


def test_the_first_account_is_the_chosen_one(chosen):
    chosen("first@example.test", "a password of the operator")
    made = ensure_admin()
    assert (made.email, made.password) == ("first@example.test", None)
    assert User.objects.get().check_password("a password of the operator")


def test_a_weak_choice_is_refused(chosen):
    chosen("first@example.test", "password")
    with pytest.raises(ConfigurationError, match=r"CONSOLE_ADMIN_PASSWORD: .*too common"):
        ensure_admin()
    assert not User.objects.exists()


@pytest.mark.parametrize("weak", ["short", "first@example.test", "1234567890123"])
def test_the_rules_for_passwords_hold_for_createsuperuser_without_a_terminal(monkeypatch, weak):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", weak)
    with pytest.raises(CommandError, match=r"too (short|similar)|entirely numeric"):
        call_command("createsuperuser", "--noinput", "--email", "first@example.test")
    assert not User.objects.exists()


def test_prepare_makes_everything_that_a_production_set_needs(manage, tmp_path):
    """Once: a second time it changes nothing and makes up no password."""
    first = manage("prepare", VAR_DIR=tmp_path, CONSOLE_ADMIN_EMAIL="first@example.test")
    assert "first site admin is first@example.test" in first.stdout
    assert "shown only now" in first.stdout
    assert (tmp_path / "static" / "staticfiles.json").is_file()
    second = manage("prepare", "--no-static", VAR_DIR=tmp_path, CONSOLE_ADMIN_EMAIL="other@example.test")
    assert "first site admin is first@example.test" in second.stdout
    assert "shown only now" not in second.stdout


def test_without_a_choice_a_password_is_made_up_once(chosen):
    chosen("first@example.test", "")
    made = ensure_admin()
    assert User.objects.get().check_password(made.password)
    assert ensure_admin().password is None


def test_a_later_choice_does_not_change_an_existing_account(chosen, admin):
    chosen("other@example.test", "another password")
    assert ensure_admin().email == admin.email
    assert User.objects.count() == 1
