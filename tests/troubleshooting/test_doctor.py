"""The command line on a healthy workspace and on each broken one: what it prints, and how it exits."""

import json
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from cleanlist import Secret
from core.encryption import EncryptedValue
from keys.models import ApiKey
from tests.fixtures import API_KEY, NOWHERE
from tests.wait import wait_until
from troubleshooting.management.commands.doctor import NOT_CHECKED
from workspaces.services.polling import refresh

from .test_symptoms import BULK, CONTACT, fill_up, organization, status_of


def doctor(*arguments):
    """Run it; return its exit code and what it printed."""
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_a_healthy_workspace_exits_with_0(connected):
    code, said = doctor()
    assert (code, said.splitlines()[-1]) == (0, "No problems found.")
    assert "[ok] Balance" in said
    assert connected.base_url in said


def test_json_holds_every_check(connected):
    code, said = doctor(connected.slug, "--json")
    told = json.loads(said)
    assert (code, told["exit_code"], told["workspace"]) == (0, 0, connected.slug)
    assert [one["check"] for one in told["checks"]] == ["credential", "plan", "session", "slots", "balance", "rates"]
    assert {one["state"] for one in told["checks"]} <= {"ok", "skipped"}


@pytest.fixture
def stdin(monkeypatch):
    """Return a function that puts a text on the standard input."""

    def put(text):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text if isinstance(text, bytes) else text.encode())))

    return put


def test_a_body_can_come_from_the_standard_input(connected, stdin):
    stdin(json.dumps({"contacts": [CONTACT, {"first_name": "Nobody"}]}))
    code, said = doctor("--body", "-", "--json")
    told = json.loads(said)
    assert (code, told["exit_code"], told["problem"], told["pasted"]) == (12, 12, "shape", None)


def test_a_pasted_request_is_judged_with_its_header_and_without_its_secret(connected, stdin):
    stdin(
        f"import requests\nrequests.get('https://api.cleanlist.ai/api/v2/whoami', headers={{'X-API-Key': '{API_KEY}'}})"
    )
    code, said = doctor("--paste", "-", "--json")
    told = json.loads(said)
    assert (code, told["problem"]) == (10, "header")
    assert (told["pasted"]["topic"], told["pasted"]["mistakes"]) == ("unauthorized", ["x_api_key"])
    assert API_KEY not in said


def test_a_pasted_error_is_named_and_what_is_no_error_is_refused(connected, stdin):
    stdin("requests.exceptions.HTTPError: 402 Client Error: Payment Required")
    code, said = doctor("--paste", "-")
    assert code == 0
    assert "402 Payment Required" in said
    stdin("Lorem ipsum dolor sit amet")
    with pytest.raises(CommandError, match="wasn't recognized"):
        doctor("--paste", "-")
    with pytest.raises(CommandError, match="Only one of"):
        doctor("--paste", "-", "--body", "-")


@pytest.mark.parametrize(
    "pasted",
    [
        b'{"detail": "Insufficient credits \xff\xfe"}',
        '{"detail": "Insufficient credits"}'.encode("utf-16"),
        b"\xfe\xff" + '{"detail": "Insufficient credits"}'.encode("utf-16-be"),
    ],
    ids=["latin", "utf-16-le", "utf-16-be"],
)
def test_a_paste_in_another_encoding_is_read(pasted, connected, stdin):
    stdin(pasted)
    code, said = doctor("--paste", "-", "--json")
    assert (code, json.loads(said)["pasted"]["topic"]) == (0, "credits")


def test_a_closed_standard_input_is_told(connected, stdin):
    stdin("")
    sys.stdin.close()
    with pytest.raises(CommandError, match="stdin: it is closed"):
        doctor("--paste", "-")


def test_a_wrong_path_is_named_with_the_exit_code_of_a_wrong_request(connected, stdin):
    stdin('curl https://api.cleanlist.ai/v1/credits -H "Authorization: Bearer $KEY"')
    code, said = doctor("--paste", "-", "--json")
    assert (code, json.loads(said)["problem"]) == (12, "endpoint")


def test_the_log_is_only_shown_when_asked_for(connected, caplog):
    doctor()
    assert [record for record in caplog.records if record.levelname == "INFO"] == []
    doctor("--verbosity", "2")
    assert "troubleshooting_check" in caplog.text


def wrong_key(workspace, sandbox, tmp_path):
    workspace.api_key = EncryptedValue.encrypt(Secret(API_KEY))
    workspace.save()
    return []


def no_credits(workspace, sandbox, tmp_path):
    sandbox.control("credits", organization(sandbox, credits=0))
    return []


def no_feature(workspace, sandbox, tmp_path):
    sandbox.control("plan", organization(sandbox, features=[]))
    return []


def dear_body(workspace, sandbox, tmp_path):
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"enrichment_type": "full", "contacts": [CONTACT] * 250}))
    sandbox.control("credits", organization(sandbox, credits=100))
    return ["--body", str(file)]


def bad_body(workspace, sandbox, tmp_path):
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"contacts": [CONTACT, {"first_name": "Nobody"}]}))
    return ["--body", str(file)]


def unknown_workflow(workspace, sandbox, tmp_path):
    return ["--workflow", "public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a"]


def empty_workflow(workspace, sandbox, tmp_path):
    api = sandbox.client()
    contact = {"linkedin_url": "https://www.linkedin.com/in/contact-0019"}
    workflow = api.post(BULK, json={"contacts": [contact]}).json()["workflow_id"]
    wait_until(lambda: status_of(api, workflow)["status"] != "processing")
    return ["--workflow", workflow]


def failing_webhook(workspace, sandbox, tmp_path):
    api = sandbox.client()
    body = {"contacts": [CONTACT], "webhook_url": f"{NOWHERE}/hook"}
    workflow = api.post(BULK, json=body).json()["workflow_id"]
    deliveries = "/api/v1/public/webhooks/deliveries"
    wait_until(lambda: api.get(deliveries, params={"workflow_id": workflow}).json()["deliveries"])
    return ["--workflow", workflow]


def refused_lately(workspace, sandbox, tmp_path):
    key = ApiKey.objects.get(last4=sandbox.credentials()["api_key"][-4:])
    sandbox.control("requests", {"key_id": key.upstream_id, "count": 2, "status_code": 429})
    refresh(workspace, "requests", subject=key.upstream_id)
    return []


def nobody_there(workspace, sandbox, tmp_path):
    workspace.base_url = NOWHERE
    workspace.save()
    workspace.session.delete()
    return []


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        (wrong_key, 10, "Cleanlist did not accept the credential"),
        (no_feature, 10, "Upgrade the plan"),
        (no_credits, 11, "No credits left."),
        (dear_body, 11, "2,650 credits are missing for this request."),
        (bad_body, 12, "contacts[1]"),
        (failing_webhook, 13, "Connection refused"),
        (refused_lately, 14, "rate limited (429) in the last 24 hours"),
        (unknown_workflow, 15, "Cleanlist has no workflow"),
        (empty_workflow, 15, "No provider found verified data for 1 of 1 contacts."),
        (nobody_there, NOT_CHECKED, "[unknown] Balance"),
    ],
)
def test_a_broken_workspace_says_what_helps_and_exits_with_its_code(connected, sandbox, tmp_path, broken, code, words):
    arguments = broken(connected, sandbox, tmp_path)
    ended, said = doctor(connected.slug, *arguments)
    assert words in said
    assert said.splitlines()[-1] == f"Exit code {code}."
    assert ended == code


def test_all_keys_in_use_exits_with_the_key_code(connected, sandbox):
    with sandbox.session() as session:
        fill_up(session)
        ended, said = doctor(connected.slug)
        for key in session.get("/api/v1/api-keys").json():
            if key["name"] == "One of ten":
                session.post(f"/api/v1/api-keys/{key['id']}/revoke").raise_for_status()
    assert ended == 10
    assert "10 of 10 keys are active." in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such"], "Workspace no-such not found. Available: example-works."),
        (["--workflow", "../../keys"], "That isn't a workflow ID"),
        (["--body", "/nowhere/body.json"], "Can't read /nowhere/body.json"),
    ],
)
def test_what_cannot_be_run_says_why(workspace, arguments, words):
    with pytest.raises(CommandError, match=words.replace(".", r"\.")):
        doctor(*arguments)


@pytest.mark.parametrize("workflow", ["x y", "public_bulk_1\n2", "", "  ", "a/b", "..", "x" * 201, API_KEY])
def test_what_is_no_workflow_id_is_refused_as_a_wrong_argument(workspace, workflow):
    with pytest.raises(CommandError, match="That isn't a workflow ID") as refused:
        doctor("--workflow", workflow)
    assert refused.value.returncode == 2
    assert API_KEY not in str(refused.value)


@pytest.mark.parametrize("workflow", ["x y", "public_bulk_1 2"])
def test_the_page_refuses_it_too(client, viewer, workspace, workflow):
    client.force_login(viewer)
    page = client.get(reverse("troubleshoot", args=[workspace.slug]), {"topic": "workflow", "workflow": workflow})
    assert "That isn&#x27;t a workflow ID" in page.content.decode()


def test_no_secret_is_printed(connected, sandbox):
    known = sandbox.credentials()
    said = doctor(connected.slug)[1] + doctor(connected.slug, "--json")[1]
    assert known["api_key"] not in said
    assert known["clerk_client_token"] not in said
