"""List, connect, poll, invite, pause, resume: against the real sandbox."""

import getpass
import io
import sys

import pytest

from usage.models import BalanceReading
from workspaces.models import Action, AuditEvent, Invitation, Poll, Workspace

from .conftest import command

pytestmark = pytest.mark.django_db


@pytest.fixture
def connected(known):
    said = command("workspace", "connect", "Acme", "--api-address", known["base_url"], "--api-key-env", "ACME_API_KEY")
    assert (said.code, said.err) == (0, "")
    return Workspace.objects.get()


def test_a_workspace_is_connected_by_a_key_from_the_environment(connected, known):
    assert (connected.slug, connected.organization_id) == ("acme", known["organization_id"])
    assert connected.api_key.decrypt().reveal() == known["api_key"]
    event = AuditEvent.objects.get(action=Action.WORKSPACE_CONNECTED)
    assert event.actor_email == "command line"
    assert event.user_agent.startswith("workspace connect, by ")


def test_a_key_can_be_in_a_file(known, tmp_path):
    (tmp_path / "key").write_text(known["api_key"] + "\n")
    address, file = known["base_url"], str(tmp_path / "key")
    said = command("workspace", "connect", "Acme", "--api-address", address, "--api-key-file", file, "--json")
    assert said.json["api_key"] == "accepted"
    assert known["api_key"] not in said.out


def test_a_key_can_be_typed(known, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})())
    monkeypatch.setattr(getpass, "getpass", lambda _: known["api_key"])
    assert command("workspace", "connect", "Acme", "--api-address", known["base_url"]).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Can't prompt here. Add --api-key-env NAME or --api-key-file PATH."),
        (("--api-key-env", "NOT_THERE"), "The environment variable NOT_THERE is unset or empty."),
        (("--api-key-env", ""), "Write the name of an environment variable."),
        (("--api-key-file", "/not/there"), "The file /not/there cannot be read: No such file or directory."),
        (("--api-key-env", "NO_KEY"), "api_key: "),
        (("--api-key-env", "WRONG_KEY"), "failed   API key: "),
        (("--api-key-env", "WRONG_KEY", "--api-address", "https://evil.example"), "This console isn't allowed to send"),
    ],
)
def test_what_cannot_be_connected_is_said_and_not_stored(known, monkeypatch, options, words):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setenv("NO_KEY", "sk_secret_of_something_else")
    monkeypatch.setenv("WRONG_KEY", "clapi_" + "w" * 64)
    said = command("workspace", "connect", "Acme", "--api-address", known["base_url"], *options)
    assert said.code == 1
    assert words in said.err
    assert "sk_secret" not in said.err
    assert not Workspace.objects.exists()


def test_an_upstream_that_does_not_answer_can_be_taken_on_trust(known, sandbox):
    sandbox.control("faults", {"kind": "status", "status": 503, "path": "/*"})
    options = ("--api-address", known["base_url"], "--api-key-env", "ACME_API_KEY")
    assert "--even-if-unreachable" in command("workspace", "connect", "Acme", *options).err
    assert command("workspace", "connect", "Acme", *options, "--even-if-unreachable").code == 0


def test_workspaces_are_listed_with_their_state(connected, workspace):
    Poll.objects.filter(workspace=connected, resource="balance").update(consecutive_failures=1)
    said = command("workspace", "list")
    line = next(line for line in said.out.splitlines() if line.startswith("acme "))
    assert "running  Acme at http://127.0.0.1:" in line
    assert line.endswith("; API key accepted, management session not stored; failing: balance")
    (one,) = command("workspace", "list", "acme", "--json").json
    assert (one["workspace"], one["polling"], one["failing"]) == ("acme", "running", ["balance"])


def test_listing_takes_as_many_queries_for_many(workspace, django_assert_num_queries):
    for number in range(5):
        Workspace.objects.create(name=f"W{number}", slug=f"w{number}", base_url="https://api.cleanlist.ai")
    with django_assert_num_queries(2):
        command("workspace", "list")


def test_nothing_connected_is_said():
    assert command("workspace", "list").out == "No workspaces connected yet.\n"
    assert command("workspace", "list", "--json").json == []


def test_a_workspace_is_read_now(connected):
    said = command("workspace", "poll", "acme", "balance")
    assert (said.code, said.out) == (0, "synced  Credit balance\n")
    assert BalanceReading.objects.exists()
    assert AuditEvent.objects.get(action=Action.REFRESHED).actor_email == "command line"


def test_without_names_everything_is_read_that_the_workspace_wants(connected):
    rows = command("workspace", "poll", "acme", "--json").json
    assert {"balance"} < {row["resource"] for row in rows}
    failed = [row for row in rows if not row["ok"]]
    assert all(row["problem"][0].isalpha() for row in failed)


def test_what_cannot_be_read_ends_with_1(connected, sandbox):
    sandbox.control("faults", {"kind": "status", "status": 503, "path": "/*"})
    said = command("workspace", "poll", "acme", "balance")
    assert said.code == 1
    assert said.out.startswith("FAILED  Credit balance: ")
    assert AuditEvent.objects.get(action=Action.REFRESHED).outcome == "failed"


@pytest.mark.parametrize("verb", ["poll", "pause", "resume", "list"])
def test_a_workspace_that_is_not_there_is_named_with_those_that_are(workspace, verb):
    said = command("workspace", verb, "acme")
    assert (said.code, said.err) == (1, "Workspace acme not found. Available: example-works.")


def test_a_resource_that_is_none_is_named(workspace):
    said = command("workspace", "poll", "example-works", "weather")
    assert "Unknown resource weather. Available: balance," in said.err


def test_somebody_is_invited(workspace):
    said = command("workspace", "invite", "example-works", "Lead@example.test", "--role", "owner")
    assert said.out == "The invitation to Lead@example.test is on its way.\n"
    assert Invitation.objects.open().vouched_for().get().role == "owner"
    again = command("workspace", "invite", "example-works", "lead@example.test")
    assert (again.code, again.err[:39]) == (1, "This address is already invited. Resend")


@pytest.mark.parametrize("address", ["lead", "", "a@b@c", "x" * 300 + "@example.test"])
def test_an_address_that_is_none_is_not_invited(workspace, address):
    said = command("workspace", "invite", "example-works", address)
    assert said.code == 1
    assert said.err
    assert not Invitation.objects.exists()
