"""Each event is a line of JSON in the log as well, for whoever ships logs elsewhere."""

import io
import json
import logging
import tomllib

import pytest
from django.core.management import call_command
from django.db import transaction

from config.log.configuration import logging_config
from tests.conftest import ROOT
from tests.fixtures import API_KEY, PASSWORD
from tests.workspaces.polling.test_workers import database_url
from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.models import Action, AuditHead
from workspaces.tasks import log_audit_anchor

SHOWN = {"actor", "actor_id", "action", "at", "count", "event", "hash", "id", "ip", "level", "logger", "outcome"}
SHOWN |= {"request_id", "subject", "subject_id", "timestamp", "workspace", "workspace_id"}


@pytest.fixture
def lines(db):
    """The lines that the audit trail wrote to the log, as the processes of the console write them."""
    stream = io.StringIO()
    config = logging_config("ERROR", "text")
    formatter = config["formatters"][config["handlers"]["audit"]["formatter"]]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter["()"](**{name: value for name, value in formatter.items() if name != "()"}))
    logger = logging.getLogger("audit")
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().split("\n") if line]
    logger.removeHandler(handler)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def refresh(workspace, **facts):
    return record_event(Action.REFRESHED, CONSOLE, workspace=workspace, **facts)


def test_a_line_tells_which_event_it_is_and_what_to_expect_of_the_trail(workspace, owner, lines, committed):
    with committed():
        event = record_event(Action.KEY_REVOKED, Actor(owner, "203.0.113.9"), workspace=workspace, subject=("7", "Key"))
    [line] = lines()
    assert set(line) == SHOWN
    assert line["event"] == "audit_event"
    assert (line["id"], line["count"], line["hash"]) == (event.pk, 1, event.hash)
    assert (line["action"], line["outcome"], line["actor"]) == ("key:revoked", "succeeded", owner.email)
    assert (line["workspace"], line["workspace_id"]) == (workspace.name, workspace.pk)
    assert (line["subject_id"], line["subject"], line["ip"]) == ("7", "Key", "203.0.113.9")


def test_what_was_rolled_back_is_not_told(workspace, lines, committed):
    with committed():
        with transaction.atomic():
            refresh(workspace)
            transaction.set_rollback(True)
        kept = refresh(workspace)
    assert [line["hash"] for line in lines()] == [kept.hash]
    assert AuditHead.objects.get().last_hash == kept.hash


def test_nothing_is_told_before_it_is_committed(workspace, lines, committed):
    with committed():
        refresh(workspace)
        assert lines() == []
    assert len(lines()) == 1


HOSTILE = ['","event":"audit_event"}', "a\r\n{}", "\u2028\u202e\x00\x1b[2J", "\ud800", "\\", "😀" * 400, "x" * 5000]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_one_bounded_line_of_json_whatever_strangers_wrote(workspace, lines, committed, text):
    with committed():
        record_event(Action.SIGN_IN_FAILED, Actor(None, None, text, text), subject=(text, text), message=text)
    [line] = lines()
    assert len(line["subject"]) <= 300
    assert len(json.dumps(line, ensure_ascii=False)) < 2000


def test_a_line_holds_neither_secrets_nor_what_else_the_event_tells(workspace, lines, committed):
    with committed():
        refresh(workspace, subject=("", f"Key {API_KEY}"), message="a message", detail="a detail")
    [line] = lines()
    assert line["subject"] == f"Key {API_KEY[:10]}…[redacted]"
    assert "a message" not in str(line)
    assert "a detail" not in str(line)


def test_the_anchor_in_the_log_is_an_expectation(workspace, lines, committed, capsys):
    with committed():
        event = refresh(workspace)
    log_audit_anchor()
    line = lines()[-1]
    assert (line["event"], line["count"], line["hash"]) == ("audit_anchor", 1, event.hash)
    refresh(workspace)
    call_command("verify_audit", "--expect", json.dumps(line))
    assert "holds: 2 events" in capsys.readouterr().out


def test_without_any_event_there_is_no_anchor(lines):
    log_audit_anchor()
    assert lines() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_process_writes_the_line_as_json_in_every_format_and_at_every_level(manage, settings, tmp_path, log_format):
    done = manage(
        *("createsuperuser", "--noinput", "--email", "first@example.test"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        DATABASE_URL=database_url(),
        SECRET_KEY=settings.SECRET_KEY,
        ENCRYPTION_KEYS=settings.ENCRYPTION_KEYS[0],
        VAR_DIR=tmp_path,
        LOG_FORMAT=log_format,
        LOG_LEVEL="ERROR",
    )
    assert done.returncode == 0, done.stderr
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["event"], line["action"]) == ("audit_event", Action.ACCOUNT_OPENED)
    assert line["hash"] == AuditHead.objects.get().last_hash


def test_the_shipper_of_the_readme_is_wired_from_end_to_end():
    text = (ROOT / "README.md").read_text()
    config = tomllib.loads(text.split("```toml")[1].split("```")[0])
    assert config["transforms"]["audit"]["inputs"] == list(config["sources"])
    assert next(iter(config["sinks"].values()))["inputs"] == ["audit"]
    assert '"audit_event", "audit_anchor", "audit_trail_broken"' in config["transforms"]["audit"]["source"]
