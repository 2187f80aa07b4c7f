"""Applying a file, against the real sandbox: what it does, what it leaves, and that it does it once."""

import os

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import QuietHours, Recipient, Rule
from core.task_queue import enqueuer
from provisioning.management.commands import apply as module
from usage.models import Budget
from workspaces import services
from workspaces.audit.events import CONSOLE
from workspaces.models import AccountMail, Action, AuditEvent, Invitation, Membership, Poll, Workspace

from .conftest import command

pytestmark = pytest.mark.django_db

EVERYTHING = """\
    session:
      frontend_api_url: {clerk_frontend_api}
      session_id: {clerk_session_id}
      client_token:
        from_env: ACME_CLIENT_TOKEN
    polling: paused
    requires_second_factor: true
    members:
      lead@example.test: owner
      watcher@example.test: viewer
    rules:
      - kind: balance_below
        name: Balance low
        severity: critical
        threshold: 500
        recovery: 600
        unit: credits
        addresses: [Oncall@example.test]
      - kind: spent_above
        name: A lot at once
        threshold: 1000.5
        hours: 6
      - kind: credential_rejected
        name: Credential rejected
        severity: critical
        repeat_seconds: 86400
    recipients:
      finance@example.test:
        summary: weekly
    budget:
      credits: 5000
      length: month
      time_zone: Europe/Vienna
    quiet_hours:
      begin: 22:00
      end: 07:00
"""


@pytest.fixture
def everything(acme, known):
    return acme + EVERYTHING.format(**known)


def counted():
    models = (Workspace, Membership, Invitation, Rule, Recipient, Budget, QuietHours, AuditEvent, Poll)
    return {model.__name__: model.objects.count() for model in models}


def test_a_file_makes_all_of_a_workspace(apply, everything, known):
    said = apply(everything)
    assert (said.code, said.err) == (0, "")
    workspace = Workspace.objects.get()
    assert (workspace.slug, workspace.name, workspace.base_url) == ("acme", "Acme", known["base_url"])
    assert workspace.organization_id == known["organization_id"]
    assert workspace.api_key.decrypt().reveal() == known["api_key"]
    assert workspace.session.client_token.decrypt().reveal() == known["clerk_client_token"]
    assert workspace.requires_mfa
    assert workspace.paused_at
    invited = dict(Invitation.objects.values_list("email", "role"))
    assert invited == {"lead@example.test": "owner", "watcher@example.test": "viewer"}
    rule = Rule.objects.get(name="Balance low", severity="critical")
    assert (rule.threshold, rule.recovery, rule.parameters) == (500, 600, {"unit": "credits"})
    assert (rule.addresses, rule.to_owners, rule.enabled) == (["oncall@example.test"], True, True)
    assert Rule.objects.get(name="A lot at once").parameters == {"hours": 6}
    assert Recipient.objects.get(address="finance@example.test").summary == "weekly"
    assert str(Budget.objects.get()) == "5,000 credits a calendar month (Europe/Vienna)"
    assert str(QuietHours.objects.get()) == "22:00 to 07:00"


def test_a_second_time_nothing_is_done(apply, everything):
    apply(everything)
    before = counted()
    said = apply(everything)
    assert said.code == 0
    assert said.out.startswith("! only here")
    assert "Nothing to do" in said.out
    assert counted() == before


def test_a_plan_says_what_would_be_done_and_does_nothing(apply, everything):
    before = counted()
    plan = apply(everything, "--plan")
    assert plan.code == 2
    assert counted() == before
    assert "+ create     workspaces.acme: workspace “Acme” at" in plan.out
    assert "+ create     workspaces.acme.members.lead@example.test: an invitation" in plan.out
    done = apply(everything)
    assert plan.out + "Done.\n" == done.out
    assert apply(everything, "--dry-run").code == 0


def test_a_plan_asks_nothing_of_upstream(apply, acme, sandbox):
    sandbox.control("faults", {"kind": "status", "status": 503, "path": "/*"})
    assert apply(acme, "--plan").code == 2


def test_what_it_does_is_in_the_audit_trail_as_of_the_command_line(apply, everything, write):
    last = AuditEvent.objects.count()
    apply(everything)
    events = AuditEvent.objects.order_by("pk")[last:]
    assert {event.actor_email for event in events} == {"command line"}
    assert all(f"apply {write(everything)}, by " in event.user_agent for event in events)
    assert {Action.WORKSPACE_CONNECTED, Action.INVITATION_SENT, Action.BUDGET_SET} <= {one.action for one in events}


def test_a_workspace_that_is_there_is_changed_where_it_differs(apply, acme, known):
    apply(acme)
    before = Workspace.objects.get()
    said = apply(acme.replace("name: Acme", "name: Acme Works"))
    assert said.out.splitlines()[0] == "~ change     workspaces.acme: name Acme → Acme Works"
    after = Workspace.objects.get()
    assert (after.pk, after.name, after.api_key) == (before.pk, "Acme Works", before.api_key)


def test_what_a_file_does_not_speak_of_stays(apply, everything, acme):
    apply(everything)
    before = counted()
    assert apply(acme, "--delete").out.startswith("Nothing to do")
    assert counted() == before


def test_a_file_may_speak_of_a_part_of_a_workspace_alone(apply, workspace):
    said = apply("workspaces: {example-works: {polling: paused}}")
    assert said.out.splitlines()[0] == "~ change     workspaces.example-works.polling: running → paused"
    assert Workspace.objects.get().paused_at


# --- credentials ----------------------------------------------------------------------------------------------


def test_a_key_that_upstream_refuses_is_not_stored_nor_is_anything_else(apply, acme, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "clapi_" + "w" * 64)
    said = apply(acme + "    members: {lead@example.test: owner}\n")
    assert said.code == 1
    assert "set-up.yaml:2: workspaces.acme: API key:" in said.err
    assert "Nothing was changed: 1 problem." in said.err
    assert not Workspace.objects.exists()


def test_an_upstream_that_is_down_is_waited_for_unless_told_otherwise(apply, acme, sandbox):
    sandbox.control("faults", {"kind": "status", "status": 503, "path": "/*"})
    said = apply(acme)
    assert said.code == 1
    assert "--even-if-unreachable" in said.err
    assert not Workspace.objects.exists()
    assert apply(acme, "--even-if-unreachable").code == 0
    assert Workspace.objects.get().api_key


def test_a_refused_key_is_not_stored_even_then(apply, acme, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "clapi_" + "w" * 64)
    assert apply(acme, "--even-if-unreachable").code == 1
    assert not Workspace.objects.exists()


def test_another_key_replaces_the_stored_one(apply, acme, known, workspace):
    Workspace.objects.update(slug="acme", name="Acme", base_url=known["base_url"], organization_id="")
    said = apply(acme)
    assert said.out.splitlines()[0].startswith("~ change     workspaces.acme.api_key: API key clapi_kkkk…kkkk → clapi_")
    assert Workspace.objects.get().api_key.decrypt().reveal() == known["api_key"]
    assert AuditEvent.objects.filter(action=Action.API_KEY_REPLACED).count() == 1


@pytest.mark.parametrize("kept", ["", "ACME_API_KEY"])
def test_with_keys_that_do_not_open_what_is_stored_nothing_is_replaced(apply, everything, known, settings, kept):
    """They may be those of another console, which the running one does not have."""
    assert apply(everything).code == 0
    mine = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    said = apply(everything.replace(f"from_env: {kept}", "stored: true") if kept else everything)
    assert said.code == 1
    assert "ENCRYPTION_KEYS no longer contains its key" in said.err
    settings.ENCRYPTION_KEYS = mine
    workspace = Workspace.objects.get()
    assert workspace.api_key.decrypt().reveal() == known["api_key"]
    assert workspace.management_session.client_token.decrypt().reveal() == known["clerk_client_token"]


def test_with_such_keys_nothing_new_is_connected_either(apply, acme, known, workspace, settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    for said in (apply(acme), command("workspace", "connect", "Acme", "--api-key-env", "ACME_API_KEY")):
        assert said.code == 1
        assert "ENCRYPTION_KEYS no longer contains their key" in said.err
    assert Workspace.objects.count() == 1


def test_the_one_rule_that_stays_is_the_same_one_under_another_name(apply, acme, known):
    apply(acme)
    text = acme + "    rules:\n      - kind: critical_unheard\n        name: Nobody listens\n"
    assert apply(text, "--delete").code == 0
    assert [rule.name for rule in Rule.objects.all()] == ["Nobody listens"]
    assert apply(acme + "    rules: []\n", "--delete").code == 0
    assert Rule.objects.get().enabled
    twice = apply(text + "      - kind: critical_unheard\n        name: Another\n")
    assert twice.code == 1
    assert "A workspace can have only one critical_unheard rule. List it once." in twice.err


def test_a_secret_may_come_out_of_a_pipe(apply, acme, known):
    """As of the shell's `<(…)`."""
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as pipe:
        pipe.write(known["api_key"])
        pipe.close()
        assert apply(acme.replace("from_env: ACME_API_KEY", f"from_file: /dev/fd/{reading}")).code == 0
    assert Workspace.objects.get().api_key.decrypt().reveal() == known["api_key"]


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(apply, acme, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = apply(acme.replace("from_env: ACME_API_KEY", "from_file: pipe"))
    assert said.code == 1
    assert "The file pipe is empty." in said.err


@pytest.mark.parametrize("way", ["from_env", "from_file"])
def test_a_secret_in_place_of_where_it_is_is_not_repeated(apply, acme, known, way):
    said = apply(acme.replace("from_env: ACME_API_KEY", f"{way}: {known['api_key']}"))
    assert said.code == 1
    assert known["api_key"][12:] not in said.out + said.err


def test_a_key_of_another_organization_is_refused(apply, acme, known, workspace):
    Workspace.objects.update(slug="acme", name="Acme", base_url=known["base_url"])
    said = apply(acme)
    assert said.code == 1
    assert "Same organization" in said.err
    assert Workspace.objects.get().api_key.decrypt().reveal() != known["api_key"]


def test_a_secret_can_be_in_a_file_beside_the_document(apply, acme, known, tmp_path):
    (tmp_path / "secret").write_text(known["api_key"] + "\n")
    assert apply(acme.replace("from_env: ACME_API_KEY", "from_file: secret")).code == 0
    assert Workspace.objects.get().api_key.decrypt().reveal() == known["api_key"]


def test_no_secret_is_said_or_logged(apply, everything, known, capfd, caplog):
    caplog.set_level("DEBUG")
    said = [apply(everything, "--plan"), apply(everything), apply(everything, "--plan", "--json"), command("export")]
    told = "".join(one.out + one.err for one in said) + "".join(capfd.readouterr()) + caplog.text
    assert known["api_key"] not in told
    assert known["clerk_client_token"] not in told
    assert not AuditEvent.objects.filter(details__icontains=known["api_key"]).exists()


def test_a_stored_secret_stays(apply, acme, everything, known):
    apply(everything)
    kept = everything.replace("from_env: ACME_API_KEY", "stored: true").replace(
        "from_env: ACME_CLIENT_TOKEN", "stored: true"
    )
    assert "Nothing to do" in apply(kept).out


def test_no_secret_is_stored_for_a_workspace_that_is_new(apply, acme):
    said = apply(acme.replace("from_env: ACME_API_KEY", "stored: true"))
    assert (said.code, Workspace.objects.count()) == (1, 0)
    assert "None is stored here. Specify its source: from_env: NAME or from_file: PATH." in said.err


def test_credentials_are_removed_when_told(apply, everything):
    apply(everything)
    without = "workspaces: {acme: {api_key: , session: null}}"
    assert apply(without, "--plan").out.count("! only here") == 2
    assert Workspace.objects.get().api_key
    assert apply(without, "--delete").code == 0
    assert Workspace.objects.get().api_key is None
    assert Workspace.objects.get().management_session is None


# --- all or nothing -------------------------------------------------------------------------------------------


def test_a_workspace_goes_only_when_told(apply, workspace):
    gone = "workspaces: {example-works: }"
    assert "! only here  workspaces.example-works: workspace “Example Works”" in apply(gone, "--plan").out
    assert apply(gone).code == 0
    assert Workspace.objects.exists()
    assert apply(gone, "--delete").code == 0
    assert not Workspace.objects.exists()
    assert apply(gone, "--delete").out.startswith("Nothing to do: 1 unchanged")


def test_workspaces_that_a_file_does_not_name_stay(apply, workspace, acme):
    apply(acme, "--delete")
    assert {"acme", "example-works"} == set(Workspace.objects.values_list("slug", flat=True))


def test_one_refusal_and_nothing_of_all_is_done(apply, workspace, owner, acme):
    text = acme + "  example-works:\n    polling: paused\n    members: {owner@example.test: viewer}\n"
    before = counted()
    assert apply(text).code == 1
    assert counted() == before
    assert Workspace.objects.get().paused_at is None


def test_all_that_is_refused_is_said_at_once(apply, workspace, owner):
    text = "workspaces:\n  new:\n    members: {}\n  example-works:\n    members: {owner@example.test: viewer}\n"
    said = apply(text)
    lines = said.err.splitlines()
    assert [line.split(": ", 2)[1] for line in lines[:3]] == [
        "workspaces.new",
        "workspaces.new",
        "workspaces.example-works.members.owner@example.test",
    ]
    assert lines[3] == "Nothing was changed: 3 problems."


def test_a_file_may_invite_many_and_the_sender_is_called_once(apply, workspace, django_capture_on_commit_callbacks):
    """More than people may on the page. As many tasks would keep alerts waiting behind them."""
    members = ", ".join(f"m{number}@example.test: viewer" for number in range(120))
    with django_capture_on_commit_callbacks() as callbacks:
        assert apply(f"workspaces: {{{workspace.slug}: {{members: {{{members}}}}}}}").code == 0
    assert AccountMail.objects.count() == 120
    assert callbacks.count(enqueuer("workspaces.tasks.send_account_mail")) == 1


def test_what_was_changed_since_the_plan_is_not_run_over(apply, workspace, monkeypatch):
    real = module.check_credentials

    def meanwhile(*arguments, **options):
        Workspace.objects.update(name="Another Name")
        return real(*arguments, **options)

    monkeypatch.setattr(module, "check_credentials", meanwhile)
    said = apply("workspaces: {example-works: {name: New Name}}")
    assert (said.code, said.err) == (1, "The changes are out of date. Nothing was changed; try again.")
    assert Workspace.objects.get().name == "Another Name"


def test_what_somebody_else_did_meanwhile_is_not_done_twice(apply, workspace, monkeypatch):
    def meanwhile(*_, **__):
        services.pause_polling(Workspace.objects.get(), CONSOLE)
        return {}

    monkeypatch.setattr(module, "check_credentials", meanwhile)
    said = apply("workspaces: {example-works: {polling: paused}}")
    assert (said.code, said.out.splitlines()[-1]) == (0, "Someone else already made all the changes.")
    assert AuditEvent.objects.filter(action=Action.POLLING_PAUSED).count() == 1


def many(number):
    people = "".join(f"      m{place}@example.test: viewer\n" for place in range(number))
    rule = "      - {{kind: spent_above, name: Rule {}, threshold: 5}}\n"
    rules = "".join(rule.format(place) for place in range(number))
    return f"workspaces:\n  example-works:\n    members:\n{people}    rules:\n{rules}"


def queries_of(apply, number, *options):
    with CaptureQueriesContext(connection) as queries:
        apply(many(number), *options)
    return len(queries)


def test_what_is_as_the_file_says_costs_no_query_for_each(apply, workspace):
    apply(many(30))
    assert queries_of(apply, 30) == queries_of(apply, 3)


def test_a_change_costs_a_dozen_queries_and_the_hundredth_no_more_than_the_first(apply, workspace):
    few, more = queries_of(apply, 5, "--plan"), queries_of(apply, 25, "--plan")
    assert more - few <= 20 * (13 + 13)
