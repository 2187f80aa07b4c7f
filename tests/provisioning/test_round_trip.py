"""What is exported changes nothing when it is applied, however the workspace was set up: here on the pages."""

from decimal import Decimal

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alerts.engine.rule_kinds import all_kinds, kind_named
from alerts.forms import RuleForm
from alerts.models import Recipient, Rule
from provisioning.management.commands.export import export
from workspaces.models import Invitation, User, Workspace

from .conftest import command

pytestmark = pytest.mark.django_db
NAMES = ["Low", "no", "null", "22:00", "1e3", "yes: no", "# not", "“é” 名", "- a", "'", "Low"]


def post(client, url, **fields):
    answer = client.post(f"/w/acme/{url}", fields)
    assert answer.status_code == 302, answer.content.decode()


@pytest.fixture
def on_pages(client, known):
    """A workspace that was connected and set up by a site admin in the browser, every part of it."""
    client.force_login(User.objects.create_superuser("admin@example.test", "correct horse battery staple"))
    fields = {"name": "Acme", "base_url": known["base_url"], "api_key": known["api_key"], "session_kind": "clerk"}
    fields |= {"frontend_api_url": known["clerk_frontend_api"], "session_id": known["clerk_session_id"]}
    client.post("/w/connect/", fields | {"client_token": known["clerk_client_token"]})
    post(client, "members/invite/", email="lead@example.test", role="operator")
    common = {"severity": "warning", "pending_minutes": 5, "repeat_seconds": 3600, "to_owners": "on", "enabled": "on"}
    for name in NAMES:
        levels = {"threshold": "12.5", "recovery": "12", "hours": 6}
        post(client, "alerts/rules/new/spent_above/", name=name, addresses="b@x.test\na@x.test", **common, **levels)
    off = common | {"enabled": ""}
    post(client, "alerts/rules/new/runway_below/", name="Off", threshold=0.0001, recovery=99_999_999.9999, **off)
    post(client, "alerts/recipients/add/", address="Finance@example.test", summary="weekly")
    row = Recipient.objects.create(workspace=Workspace.objects.get(), address="quiet@example.test")
    post(client, f"alerts/recipients/{row.pk}/", critical="on", summary="")
    post(client, "alerts/emails/quiet/", begin="22:00", end="06:30", time_zone="Europe/Vienna")
    post(client, "usage/budget/", credits="5000.25", length="week", time_zone="", with_rules="on")
    return Workspace.objects.get()


def test_what_the_pages_set_up_is_as_the_exported_file_says(on_pages, apply):
    text = command("export").out
    assert Rule.objects.count() > len(NAMES) + sum(len(kind.defaults) for kind in all_kinds() if not kind.on_request)
    for options in ((), ("--delete",)):
        said = apply(text, "--plan", *options)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("Nothing to do: ")
        assert "only here" not in said.out
    assert apply(text, "--delete").code == 0
    assert command("export").out == text


def test_an_exported_file_makes_the_same_elsewhere(on_pages, apply):
    text = command("export", "acme").out.partition("workspaces:")
    text = "workspaces:" + text[2].replace("stored: true", "from_env: ACME_API_KEY", 1)
    text = text.replace("stored: true", "from_env: ACME_CLIENT_TOKEN", 1)
    Workspace.objects.all().delete()
    assert apply(text, "--delete").code == 0
    again = command("export").out
    assert yaml.safe_load(again)["workspaces"]["acme"]["rules"] == yaml.safe_load(text)["workspaces"]["acme"]["rules"]
    assert apply(again, "--plan", "--delete").code == 0
    invited = dict(Invitation.objects.open().values_list("email", "role"))
    assert invited == {"admin@example.test": "owner", "lead@example.test": "operator"}


def test_an_export_holds_no_secret_and_is_plain_yaml(on_pages, known):
    text = command("export").out
    assert not [secret for secret in (known["api_key"], known["clerk_client_token"]) if secret in text]
    said = yaml.safe_load(text)["workspaces"]["acme"]
    assert said["api_key"] == {"stored": True}
    assert said["budget"] == {"credits": 5000.25, "length": "week"}
    assert [rule["name"] for rule in said["rules"] if rule["kind"] == "spent_above"] == sorted(NAMES)


def test_a_pause_and_a_second_factor_are_exported(workspace, apply):
    Workspace.objects.update(requires_mfa=True)
    assert command("workspace", "pause", "example-works").code == 0
    text = command("export").out
    assert "    polling: paused\n    requires_second_factor: true\n" in text
    assert apply(text, "--plan", "--delete").code == 0


def test_exporting_names_what_is_not_there(workspace):
    assert command("export", "acme").err == "Workspace acme not found. Available: example-works."


def test_an_export_of_nothing_can_be_applied(db, apply):
    assert apply(command("export").out, "--plan").code == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(min_size=1, max_size=40),
    levels=st.lists(st.decimals(0, 10**9, places=4), min_size=2, max_size=2).map(sorted),
    minutes=st.integers(0, 10_080),
    severity=st.sampled_from(["information", "warning", "critical"]),
)
@example(name="a\x85b", levels=[Decimal(0), Decimal(1)], minutes=0, severity="warning")
def test_whatever_the_form_takes_as_a_rule_survives(workspace, write, name, levels, minutes, severity):
    Rule.objects.all().delete()
    rule = Rule(workspace=workspace, kind="spent_above")
    data = {"name": name, "severity": severity, "threshold": levels[1], "recovery": levels[0], "hours": 24}
    data |= {"pending_minutes": minutes, "repeat_seconds": 0, "to_owners": True, "enabled": True}
    form = RuleForm(workspace, kind_named("spent_above"), rule, data)
    if not form.is_valid():
        return
    form.apply().save()
    said = command("apply", write(export([workspace])), "--plan", "--delete")
    assert (said.code, said.err) == (0, "")
