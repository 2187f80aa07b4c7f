"""The command around it: what it asks, how it ends, what a script can read."""

import io
import sys
import threading

import pytest
from django.db import connection

from provisioning.planner import _LOCK, _TURN
from tests.wait import wait_until
from workspaces.models import Action, AuditEvent, Workspace

from .conftest import command

PAUSED = "workspaces: {example-works: {polling: paused}}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "code", "paused"), [("yes", 0, True), ("y", 1, False), ("", 1, False)])
def test_it_asks_and_only_a_yes_is_one(workspace, write, monkeypatch, answer, code, paused):
    monkeypatch.setattr(sys, "stdin", Terminal(answer + "\n"))
    said = command("apply", write(PAUSED))
    assert said.code == code
    assert (Workspace.objects.get().paused_at is not None) == paused


@pytest.mark.django_db
def test_where_nobody_can_be_asked_nothing_is_done(workspace, write, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    said = command("apply", write(PAUSED))
    assert (said.code, said.err) == (1, "Can't ask for confirmation here. Add --yes to apply or --plan to preview.")
    assert Workspace.objects.get().paused_at is None


@pytest.mark.django_db
def test_nothing_is_asked_where_nothing_is_to_do(workspace, write, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert command("apply", write("workspaces: {example-works: {polling: running}}")).code == 0


@pytest.mark.django_db
def test_a_file_can_come_from_standard_input(workspace, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PAUSED.encode())))
    assert command("apply", "-", "--yes").code == 0
    assert Workspace.objects.get().paused_at


@pytest.mark.django_db
def test_a_script_reads_the_plan_and_what_was_done(workspace, apply):
    plan = apply(PAUSED, "--plan", "--json")
    step = {"verb": "change", "path": "workspaces.example-works.polling", "text": "running → paused"}
    assert (plan.code, plan.json["done"], plan.json["steps"]) == (2, False, [step])
    assert {name: plan.json[name] for name in ("create", "change", "remove", "only_here", "unchanged")} == {
        "create": 0, "change": 1, "remove": 0, "only_here": 0, "unchanged": 1,
    }  # fmt: skip
    assert apply(PAUSED, "--json").json["done"]
    assert apply(PAUSED, "--json").json["done"] is False


@pytest.mark.django_db
def test_json_has_to_say_that_it_needs_no_answer(workspace, write):
    assert command("apply", write(PAUSED), "--json").err == "--json can't ask for confirmation: add --plan or --yes."


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("apply",), 1),
        (("apply", "x.yaml", "--plan", "--yes"), 1),
        (("apply", "x.yaml", "--delet"), 1),
        (("apply", "not-there.yaml", "--plan"), 1),
        (("workspace", "explode"), 2),
    ],
)
def test_wrong_arguments_never_look_like_changes_that_wait(manage, tmp_path, arguments, code):
    done = manage(*arguments, VAR_DIR=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_who_apply_take_turns(workspace, write):
    path = write(PAUSED)
    said = []

    def run():
        said.append(command("apply", path, "--yes"))
        connection.close()

    with connection.cursor() as cursor:
        cursor.execute(_TURN.replace("_xact", ""), [_LOCK])
        try:
            threads = [threading.Thread(target=run) for _ in range(2)]
            for thread in threads:
                thread.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_until(lambda: cursor.execute(waiting) or cursor.fetchone()[0] == 2)
            assert said == []
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    for thread in threads:
        thread.join()
    assert [one.code for one in said] == [0, 0]
    assert AuditEvent.objects.filter(action=Action.POLLING_PAUSED).count() == 1
