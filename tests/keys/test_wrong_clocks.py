"""Every command and every landing, given by a clock that is wrong, and again once it is right."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from alerts.engine import evaluation
from alerts.models import Alert, Evaluation, Rule
from core import clock
from keys.forms import REVOKE_ALL_PHRASE
from keys.models import ApiKey
from workspaces.models import Action, AuditEvent, Outcome, Poll
from workspaces.polling import engine
from workspaces.polling.poll_setup import set_up_polls

from .conftest import text_of

pytestmark = pytest.mark.two_clocks
MINUTE, HOUR, MONTH = timedelta(minutes=1), timedelta(hours=1), timedelta(days=30)
OFF = {"a minute ahead": MINUTE, "a minute behind": -MINUTE, "an hour ahead": HOUR, "an hour behind": -HOUR}
OFF |= {"30 days ahead": MONTH, "30 days behind": -MONTH}


@contextmanager
def database_off_by(off):
    """Have the database's clock wrong: PostgreSQL's and SQLite's alike."""
    right = clock._query_time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_query_time", lambda: right() + off)
        yield


@contextmanager
def this_machine_off_by(off):
    """Have the clock of this process wrong, while PostgreSQL and the sandbox keep theirs."""
    with time_machine.travel(timezone.now() + off):
        yield


CLOCKS = {f"database {name}": (database_off_by, off) for name, off in OFF.items()}
CLOCKS |= {f"machine {name}": (this_machine_off_by, off) for name, off in OFF.items() if off != MONTH}


def read_all(console):
    """Have the worker read everything now."""
    Poll.objects.update(next_run_at=clock.now() - MINUTE)
    while engine.run_due():
        pass


def revoke_elsewhere(sandbox, key):
    with sandbox.session() as session:
        session.post(f"/api/v1/api-keys/{key.upstream_id}/revoke").raise_for_status()


def truth(sandbox):
    with sandbox.session() as session:
        return {row["id"]: row["is_active"] for row in session.get("/api/v1/api-keys").json()}


@pytest.mark.parametrize("name", CLOCKS)
def test_commands_and_landings_are_right_while_a_clock_is_wrong_and_after_it_was_set(console, sandbox, name):
    wrong, off = CLOCKS[name]
    set_up_polls(console.workspace)
    first, second, third, fourth = (console.create(name=f"Key {n}").context["key"] for n in range(4))
    with wrong(off):
        console.http.force_login(console.user)
        read_all(console)
        assert "1 key revoked" in text_of(console.post("revoke", first.key_id))
        made = console.create(name="Made meanwhile").context["key"]
        assert made is not None
        revoke_elsewhere(sandbox, second)
        read_all(console)
        assert not ApiKey.objects.get(pk=second.pk).is_active
    console.http.force_login(console.user)
    assert "1 key revoked" in text_of(console.post("revoke", third.key_id))
    revoke_elsewhere(sandbox, fourth)
    read_all(console)
    assert dict(ApiKey.objects.filter(gone_at=None).values_list("upstream_id", "is_active")) == truth(sandbox)
    assert "1 key revoked" in text_of(console.post("revoke_all", data={"phrase": REVOKE_ALL_PHRASE}))
    outcomes = AuditEvent.objects.filter(action__in=[Action.KEY_REVOKED, Action.KEYS_ALL_REVOKED])
    assert set(outcomes.values_list("outcome", flat=True)) == {Outcome.SUCCEEDED}
    clock.repair_future_times()
    assert not ApiKey.objects.filter(read_at__gt=clock.now()).exists()
    longest = timedelta(hours=7)  # the interval of a revoked key's log, and its spread
    assert not Poll.objects.filter(next_run_at__gt=clock.now() + longest).exists()


@pytest.mark.parametrize("ahead", [MINUTE, -MINUTE], ids=["worker ahead", "worker behind"])
def test_web_and_worker_a_minute_apart_agree_on_keys_and_alerts(console, sandbox, ahead):
    workspace = console.workspace
    set_up_polls(workspace)
    Rule.objects.create(workspace=workspace, kind="key_expires", name="Expiry", threshold=7, recovery=7)
    Evaluation.objects.create(workspace=workspace, known_kinds=[kind.name for kind in evaluation.all_kinds()])

    def worker_looks():
        with database_off_by(ahead):
            read_all(console)
            Evaluation.objects.update(next_run_at=clock.now() - MINUTE)
            evaluation.evaluate(workspace)

    key = console.create(
        name="Soon over", expiry="date", expires_on=f"{timezone.now() + timedelta(days=3):%Y-%m-%d}"
    ).context["key"]
    worker_looks()
    assert Alert.objects.get().state == Alert.State.FIRING
    assert not Poll.objects.get(resource="keys").is_stale
    assert "1 key revoked" in text_of(console.post("revoke", key.key_id))
    worker_looks()
    assert Alert.objects.get().state == Alert.State.RESOLVED
    shown = text_of(console.get("list"))
    assert "Out of date" not in shown
    assert "in a moment" not in shown
    assert AuditEvent.objects.get(action=Action.KEY_REVOKED).outcome == Outcome.SUCCEEDED
    assert dict(ApiKey.objects.filter(gone_at=None).values_list("upstream_id", "is_active")) == truth(sandbox)
