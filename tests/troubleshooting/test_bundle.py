import csv
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from cleanlist import Secret
from core.encryption import EncryptedValue
from core.sanitize import sanitize_text
from tests.fixtures import API_KEY
from tests.keys.conftest import log_request, make_key, text_of
from tests.security.hostile_upstream import ATTACKS
from webhooks.models import Attempt, Delivery, Workflow
from workspaces.models import Action, AuditEvent, ManagementSession, Poll, Workspace

CLIENT_TOKEN = "a client token that has no shape"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl"
WORKFLOW = "public_bulk_550e8400-e29b-41d4-a716-446655440000"
HOOK_SECRET = "0123456789abcdefghij"
BODY = {
    "enrichment_type": "full",
    "contacts": [{"first_name": "Ada", "last_name": "Lovelace", "email": "ada@analytical.example"}, {"first_name": ""}]
    * 3,
    "webhook_url": f"https://hooks.example.com/{HOOK_SECRET}/in?sig=hush-hush",
}
HIDDEN = re.compile(r'<input type="hidden" name="(until|seen)" value="([^"]*)"')
# What must not leave, and how it stands in the texts: some of it has no shape, and is told by what is around it.
SECRETS = [API_KEY, API_KEY[12:], JWT, CLIENT_TOKEN, settings.SECRET_KEY, settings.ENCRYPTION_KEYS[0]]
SECRETS += [HOOK_SECRET, "hush-hush", "hunter2-hunter2"]
PERSONAL = ["ada@analytical.example", "+43 660 1234567", "203.0.113.77", "2001:db8::99", "Quiet Viewer"]
PLANTED = [API_KEY, JWT, CLIENT_TOKEN, settings.SECRET_KEY, settings.ENCRYPTION_KEYS[0], BODY["webhook_url"], *PERSONAL]
PLANTED += ["password=hunter2-hunter2", f"api_key: {API_KEY}", f"Bearer {JWT}"]
TAKEN = ("requests.csv", "webhook-attempts.csv", "sample-body.json", "report.txt", "email.txt", "environment.json")


@pytest.fixture
def key(workspace):
    return make_key(workspace, name="Key of Grace Hopper")


@pytest.fixture
def delivered(workspace):
    now = timezone.now() - timedelta(minutes=10)
    workflow = Workflow.objects.create(
        workspace=workspace, workflow_id=WORKFLOW, source="looked_up", first_seen_at=now, status="completed"
    )
    delivery = Delivery.objects.create(
        workspace=workspace,
        workflow=workflow,
        url=BODY["webhook_url"],
        host="hooks.example.com",
        state="failed",
        first_attempt_at=now,
        last_attempt_at=now,
    )
    for number in range(1, 4):
        Attempt.objects.create(
            delivery=delivery,
            workspace=workspace,
            upstream_id=f"attempt-{number}",
            number=number,
            status="failed",
            acknowledged=False,
            status_code=500,
            error="HTTP 500: ada@analytical.example was not found at 203.0.113.77",
            at=now + timedelta(seconds=number),
        )
    return workflow


@pytest.fixture
def console(client, viewer, workspace):
    client.force_login(viewer)
    return Console(client, workspace)


class Console:
    """A viewer at the page of the bundle."""

    def __init__(self, client, workspace):
        self.client = client
        self.page = reverse("support_bundle", args=[workspace.slug])

    def look(self, **asked):
        return self.client.post(self.page, asked)

    def take(self, file_format="zip", **asked):
        """Look, then take what was looked at."""
        self.seen = self.look(**asked).content.decode()
        hidden = dict(HIDDEN.findall(self.seen))
        return self.client.post(f"{self.page}take/", {**asked, **hidden, "format": file_format})

    def files(self, **asked):
        archive = zipfile.ZipFile(io.BytesIO(self.take(**asked).getvalue()))
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_page_shows_everything_before_it_is_taken(console, key, delivered):
    log_request(key, status_code=422, upstream_id="row-1")
    asked = {
        "workflow": WORKFLOW,
        "key": str(key.key_id),
        "request": "row-1",
        "body": json.dumps(BODY),
        "status": "422",
    }
    asked |= {
        "endpoint": "POST /api/v1/public/enrich/bulk",
        "message": "Each contact must include …",
        "tried": "Again.",
    }
    files = console.files(**asked)
    assert set(files) == set(TAKEN)
    for name, content in files.items():
        assert escape(content) in console.seen, name


def test_the_e_mail_says_what_support_asks_for(console, key, delivered):
    email = console.files(
        workflow=WORKFLOW,
        key=str(key.key_id),
        request="req_0123456789abcdef",
        column="col_7",
        endpoint="POST /api/v1/public/enrich/bulk",
        status="422",
        message="Each contact must include linkedin_url",
        body=json.dumps(BODY),
    )["email.txt"]
    for told in (
        "Subject: Problem with POST /api/v1/public/enrich/bulk (422)",
        "Endpoint or feature: POST /api/v1/public/enrich/bulk",
        "Status code: 422",
        f"Workflow ID: {WORKFLOW}",
        f"API key: {key.upstream_id} ({key.masked})",
        "Column ID: col_7",
        "Request ID: req_0123456789abcdef",
        "Exact error message:\n\n    Each contact must include linkedin_url".replace("\n\n", "\n"),
        '"enrichment_type": "full"',
        "[and 3 more contacts]",
    ):
        assert told in email


def test_related_requests_and_attempts_are_in_it(console, key, delivered):
    now = timezone.now()
    for age in (1, 2, 60):
        log_request(key, status_code=500, created_at=now - timedelta(minutes=age), upstream_id=f"row-{age}")
    log_request(key, is_own_call=True, upstream_id="own")
    log_request(make_key(key.workspace, name="Another"), upstream_id="other")
    files = console.files(workflow=WORKFLOW, request="row-2")
    requests = list(csv.DictReader(io.StringIO(files["requests.csv"].removeprefix("\ufeff"))))
    assert [row["id"] for row in requests] == ["row-1", "row-2"]
    attempts = list(csv.DictReader(io.StringIO(files["webhook-attempts.csv"].removeprefix("\ufeff"))))
    assert [row["attempt"] for row in attempts] == ["3", "2", "1"]
    assert {row["url"] for row in attempts} == {"https://hooks.example.com/[redacted]/in?[redacted]"}
    assert "Status: completed" in files["report.txt"]


@pytest.fixture
def full_of_secrets(workspace, viewer, key, delivered):
    """A workspace in which every text that upstream or a person gave holds everything that must not leave."""
    everything = " ".join(PLANTED)
    viewer.name = "Quiet Viewer"
    viewer.save()
    sealed = {
        "client_token": EncryptedValue.encrypt(Secret(CLIENT_TOKEN)),
        "token": EncryptedValue.encrypt(Secret(JWT)),
    }
    ManagementSession.objects.create(workspace=workspace, kind="clerk", **sealed)
    workspace.tier, workspace.organization_id, workspace.scopes = f"x {API_KEY}", JWT, [everything]
    workspace.save()
    key.name = f"Quiet Viewer {API_KEY}"
    key.save()
    for name, attack in ATTACKS.items():
        text = sanitize_text(f"{everything} {attack}", 3000)  # as the log stores it
        facts = {"path": text, "user_agent": text, "ip_address": "2001:db8::99"}
        log_request(key, upstream_id=f"row-{name}", **facts)
    Attempt.objects.update(error=everything, status=API_KEY[:60])
    delivered.status_error, delivered.status = everything, API_KEY[:40]
    delivered.save()
    Poll.objects.create(
        workspace=workspace, resource="balance", interval_seconds=60, consecutive_failures=3, last_error=everything
    )
    return everything


def assert_nothing_left(text, *, but=()):
    assert not [secret for secret in [*SECRETS, *PERSONAL, "Lovelace"] if secret in text and secret not in but]
    assert not set(text) & set("\x00\x07\x1b\u202e\u2066\u200b")


def test_nothing_that_must_not_leave_is_in_a_bundle(console, key, full_of_secrets):
    for attack in ATTACKS.values():
        hostile = f"{full_of_secrets} {attack}"[:3900]
        contact = {"first_name": "Ada", "last_name": "Lovelace", "email": hostile, hostile: hostile}
        body = json.dumps({"contacts": [contact, hostile], hostile: hostile, "webhook_url": BODY["webhook_url"]})
        typed = hostile.replace("\x00", "")  # which forms refuse
        asked = {"workflow": WORKFLOW, "key": str(key.key_id), "message": f"Lovelace {typed}", "tried": typed}
        asked |= {"endpoint": PLANTED[0], "request": PLANTED[1], "column": PERSONAL[0], "body": body}
        files = console.files(**asked)
        assert set(files) <= set(TAKEN)
        for content in files.values():
            assert_nothing_left(content)
        assert sum(map(len, files.values())) < 300_000
        assert_nothing_left(console.seen.partition('id="bundle-preview"')[2])


def test_the_text_holds_the_same_and_as_little(console, key, full_of_secrets):
    answer = console.take("txt", workflow=WORKFLOW, request="row-script", body=full_of_secrets)
    text = answer.getvalue().decode()
    assert_nothing_left(text)
    assert [name for name in TAKEN if f"===== {name} =====" in text] == list(TAKEN)


def test_what_may_stay_stays_and_secrets_do_not(console, key, full_of_secrets):
    kept = ["emails", "phones", "names", "addresses"]
    email = console.files(message=full_of_secrets, keep=kept)["email.txt"]
    assert_nothing_left(email, but=PERSONAL)
    assert all(one in email for one in PERSONAL)


def test_the_same_question_gives_the_same_bytes(console, key, delivered):
    log_request(key)
    asked = {"workflow": WORKFLOW, "key": str(key.key_id)}
    first = console.take(**asked).getvalue()
    again = {**asked, **dict(HIDDEN.findall(console.seen)), "format": "zip"}
    assert console.client.post(f"{console.page}take/", again).getvalue() == first


def test_rows_that_came_after_the_look_are_not_in_what_is_taken(console, key):
    log_request(key, upstream_id="before")
    seen = console.look(key=str(key.key_id)).content.decode()
    hidden = dict(HIDDEN.findall(seen))
    log_request(key, upstream_id="after", created_at=timezone.now() + timedelta(minutes=1))
    answer = console.client.post(f"{console.page}take/", {"key": str(key.key_id), "format": "txt", **hidden})
    text = answer.getvalue().decode()
    assert '"before"' in text
    assert '"after"' not in text


def test_nobody_takes_what_they_have_not_seen(console, key):
    seen = console.look(key=str(key.key_id)).content.decode()
    hidden = dict(HIDDEN.findall(seen))
    answer = console.client.post(f"{console.page}take/", {"message": "something else", "format": "zip", **hidden})
    assert "Content-Disposition" not in answer
    assert "it is another bundle now" in text_of(answer)
    assert not AuditEvent.objects.filter(action=Action.SUPPORT_BUNDLE_MADE).exists()


def test_taking_one_is_recorded_without_what_was_typed(console, viewer, key):
    console.take("txt", key=str(key.key_id), message="ada@analytical.example", keep=["emails"])
    event = AuditEvent.objects.get(action=Action.SUPPORT_BUNDLE_MADE)
    assert (event.actor, event.subject) == (viewer, "txt")
    assert event.details == {"about": {"key": str(key.key_id)}, "left_in": ["emails"]}


def test_the_file_is_named_after_the_workspace_and_the_time(console):
    name = console.take("zip")["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="support-example-works-\d{8}T\d{6}Z\.zip"', name)


def test_an_address_leads_to_the_bundle_of_its_case(console, key, delivered):
    answer = console.client.get(console.page, {"workflow": WORKFLOW, "key": str(key.key_id), "request": "req_1"})
    text = text_of(answer)
    assert f"Workflow ID: {WORKFLOW}" in text
    assert "Request ID: req_1" in text


@pytest.mark.parametrize("wrong", [{"status": "abc"}, {"key": "7"}, {"message": "x" * 5000}, {"keep": ["secrets"]}])
def test_what_cannot_be_is_marked_at_its_field(console, wrong):
    answer = console.look(**wrong)
    assert answer.status_code == 422
    assert "field__error" in answer.content.decode()
    assert console.client.get(console.page, wrong).status_code == 422


def test_the_other_workspaces_rows_are_in_none(console, workspace, key):
    other = Workspace.objects.create(name="Other", slug="other", base_url="http://127.0.0.1:9")
    log_request(make_key(other, name="Foreign"), upstream_id="foreign")
    Workflow.objects.create(
        workspace=other, workflow_id=WORKFLOW, source="looked_up", first_seen_at=timezone.now(), status="foreign-status"
    )
    text = console.take("txt", request="foreign", workflow=WORKFLOW).getvalue().decode()
    assert "foreign-status" not in text
    assert "Foreign" not in text


def test_a_bundle_costs_as_many_queries_for_ten_rows_as_for_twenty(console, key, delivered, django_assert_num_queries):
    for _ in range(2):
        for _ in range(10):
            log_request(key)
        with django_assert_num_queries(15 if connection.vendor == "postgresql" else 14):  # one asks for its clock
            console.look(workflow=WORKFLOW, key=str(key.key_id))


PASTED = {
    "workflow": API_KEY,
    "request": f"req_1 {JWT}",
    "column": f"{API_KEY} 7",
    "endpoint": f"GET /x?api_key={API_KEY}",
    "message": f"Authorization: Bearer {JWT}\nwas refused",
    "tried": f"curl -H 'X-API-Key: {API_KEY}' https://me:{HOOK_SECRET}@hooks.example.com",
    "body": json.dumps({"contacts": [], "token": API_KEY}),
}


@pytest.mark.parametrize("name", PASTED)
@pytest.mark.parametrize("method", ["post", "get"])
def test_a_secret_that_was_pasted_is_not_in_the_form_that_comes_back(console, method, name):
    answer = getattr(console.client, method)(console.page, {name: PASTED[name]})
    page = answer.content.decode()
    assert not [secret for secret in (API_KEY[12:], JWT, HOOK_SECRET) if secret in page]
    assert "-removed" in page
    assert "Your text contained a secret" in page


def test_what_comes_back_without_its_secret_can_be_taken(console):
    answer = console.take("txt", **PASTED)
    assert "Content-Disposition" in answer
    assert API_KEY[12:] not in answer.getvalue().decode()


def test_a_form_that_is_refused_gives_no_secret_back_either(console):
    answer = console.look(status="abc", message=f"{API_KEY} {'x' * 5000}")
    assert answer.status_code == 422
    assert API_KEY[12:] not in answer.content.decode()


def test_a_form_without_a_secret_is_left_as_it_is(console, delivered):
    asked = {"workflow": WORKFLOW, "request": "req_0123456789abcdef", "message": "The key clapi_AbCd… is refused"}
    page = console.look(**asked).content.decode()
    assert all(escape(text) in page for text in asked.values())
    assert "Your text contained a secret" not in page
