"""One token of a session serves all processes of the console."""

import time
from datetime import timedelta

import jwt
import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from cleanlist import Secret
from core.encryption import EncryptedValue
from workspaces.credentials.clients import SharedToken
from workspaces.models import ManagementSession
from workspaces.polling import rate_limiter

pytestmark = pytest.mark.django_db
TOKEN = Secret(jwt.encode({"exp": time.time() + 60}, "k" * 32, algorithm="HS256"))


@pytest.fixture
def session(workspace, redis):
    redis.flushdb()
    cookie = EncryptedValue.encrypt(Secret("cookie"))
    return ManagementSession.objects.create(workspace=workspace, kind="clerk", client_token=cookie)


def stored(redis):
    return [redis.get(name) for name in redis.keys("session-token:*")]


def test_another_process_finds_the_token_until_it_ends(session, redis):
    SharedToken(session).save(TOKEN, 50)
    assert SharedToken(ManagementSession.objects.get()).load() == TOKEN
    (name,) = redis.keys("session-token:*")
    assert 49_000 < redis.pttl(name) <= 50_000


def test_what_is_stored_is_encrypted(session, redis):
    SharedToken(session).save(TOKEN, 50)
    (text,) = stored(redis)
    assert TOKEN.reveal().split(".")[1].encode() not in text


def test_a_session_saved_again_has_a_token_of_its_own(session):
    SharedToken(session).save(TOKEN, 50)
    session.updated_at = timezone.now() + timedelta(seconds=1)
    assert SharedToken(session).load() is None


@pytest.mark.parametrize("text", [b"", b"\xff\x00", b"x.y.z", b"gAAAAA"])
def test_what_another_program_wrote_counts_as_none(session, redis, text):
    SharedToken(session).save(TOKEN, 50)
    redis.set(redis.keys("session-token:*")[0], text)
    assert SharedToken(session).load() is None


def test_a_token_that_cannot_be_decrypted_counts_as_none(session, settings):
    SharedToken(session).save(TOKEN, 50)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert SharedToken(session).load() is None


def test_without_redis_there_is_none_and_nothing_fails(session, settings, monkeypatch):
    monkeypatch.setattr(rate_limiter, "_pool", None)
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    shared = SharedToken(session)
    shared.save(TOKEN, 50)
    assert shared.load() is None
