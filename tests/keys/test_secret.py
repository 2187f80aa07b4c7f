"""The secret of a new key is in one response, and nowhere else."""

import logging

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command

from keys.models import ApiKey


@pytest.mark.django_db(transaction=True)
def test_a_new_secret_is_in_no_row_file_log_line_session_or_cache(console, redis, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    secret = console.create(name="Secretive").context["secret"]
    console.get("list")
    dump = tmp_path / "dump.json"
    call_command("dumpdata", output=str(dump))
    assert "Secretive" in dump.read_text()
    kept = [dump.read_text(), caplog.text, *(str(session.get_decoded()) for session in Session.objects.all())]
    kept += [repr(redis.dump(key)) for key in redis.scan_iter()]
    kept += [path.read_bytes().decode("latin-1") for path in settings.VAR_DIR.rglob("*") if path.is_file()]
    # A part of it is as bad as the whole: 20 characters from its middle.
    assert not [text for text in kept if secret[30:50] in text]


def test_the_response_after_it_shows_the_visible_ends_only(console):
    secret = console.create(name="Ends").context["secret"]
    key = ApiKey.objects.get(name="Ends", is_active=True)
    for page in (console.get("list"), console.get("detail", key.key_id), console.get("revoke", key.key_id)):
        body = page.content.decode()
        assert f"{secret[:10]}…{secret[-4:]}" in body
        assert secret[10:-4] not in body
