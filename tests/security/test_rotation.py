"""Rotating the encryption key: nothing stored needs the old one afterwards."""

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cleanlist import Secret
from core.encryption import EncryptedValue
from tests.fixtures import API_KEY
from workspaces.credentials import encryption_keys
from workspaces.models import Action, AuditEvent, ManagementSession, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(workspace, owner):
    """One secret of every kind that is kept, sealed with the key of before."""
    seal = get_adapter().encrypt
    ManagementSession.objects.create(
        workspace=workspace,
        kind="clerk",
        token=EncryptedValue.encrypt(Secret("a.b.c")),
        client_token=EncryptedValue.encrypt(Secret("client")),
    )
    codes = {"migrated_codes": [seal("code 1"), seal("code 2")]}
    for kind, data in (("totp", {"secret": seal("totp")}), ("recovery_codes", {"seed": seal("seed"), **codes})):
        Authenticator.objects.create(user=owner, type=kind, data=data)
    return workspace


@pytest.fixture
def new_key(stored, settings):
    """Put a fresh key first, as the README says."""
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    return settings.ENCRYPTION_KEYS[0]


def opened():
    session, opened = ManagementSession.objects.get(), get_adapter().decrypt
    totp, recovery = Authenticator.objects.order_by("pk")
    return [
        *(
            sealed.decrypt().reveal()
            for sealed in (Workspace.objects.get().api_key, session.token, session.client_token)
        ),
        *map(opened, (totp.data["secret"], recovery.data["seed"], *recovery.data["migrated_codes"])),
    ]


def test_after_a_rotation_the_new_key_alone_opens_everything(new_key, settings, capsys):
    call_command("rotate_encryption_keys")
    settings.ENCRYPTION_KEYS = [new_key]
    assert opened() == [API_KEY, "a.b.c", "client", "totp", "seed", "code 1", "code 2"]
    assert "7 secrets were re-encrypted; 0 were up to date" in capsys.readouterr().out


def test_a_second_rotation_has_nothing_to_do(new_key, capsys):
    call_command("rotate_encryption_keys")
    call_command("rotate_encryption_keys")
    assert "0 secrets were re-encrypted; 7 were up to date" in capsys.readouterr().out


def test_small_batches_reach_every_row(stored, settings, monkeypatch):
    for number in range(4):
        api_key = EncryptedValue.encrypt(Secret("another key"))
        Workspace.objects.create(name="More", slug=f"more-{number}", api_key=api_key)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    monkeypatch.setattr(encryption_keys, "BATCH", 2)
    assert encryption_keys.reseal_all().resealed == 11


def test_a_rotation_is_in_the_audit_trail_without_any_secret(new_key):
    call_command("rotate_encryption_keys")
    event = AuditEvent.objects.get()
    assert (event.action, event.details) == (Action.ENCRYPTION_KEYS_ROTATED, {"resealed": 7, "unchanged": 0})


def test_what_no_key_opens_is_named_and_left_alone_and_the_rest_is_done(stored, settings, capsys):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    Workspace.objects.update(api_key=EncryptedValue.encrypt(Secret("mine")))
    lost = ManagementSession.objects.get().token
    with pytest.raises(CommandError, match="Keep the old keys"):
        call_command("rotate_encryption_keys")
    assert "management session" in capsys.readouterr().err
    assert ManagementSession.objects.get().token == lost


def test_the_session_that_mints_tokens_is_not_taken_for_a_new_one(new_key):
    before = ManagementSession.objects.get().updated_at
    call_command("rotate_encryption_keys")
    assert ManagementSession.objects.get().updated_at == before


def test_no_statement_of_a_rotation_holds_a_secret(new_key):
    with CaptureQueriesContext(connection) as queries:
        call_command("rotate_encryption_keys")
    assert API_KEY not in str(queries.captured_queries)
