import csv
import io
import json

import pytest

from core.export import escape_formula
from tests.fixtures import PASSWORD
from tests.security.sign_in import sign_in
from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.audit.export import COLUMNS
from workspaces.models import Action, AuditEvent, User

pytestmark = pytest.mark.django_db
EXPORT = "/w/example-works/audit/export/"


@pytest.fixture
def as_owner(client, owner):
    return sign_in(client, owner)


@pytest.fixture
def record(workspace):
    def record(action=Action.KEY_CREATED, actor=CONSOLE, **options):
        return record_event(action, actor, workspace=options.pop("workspace", workspace), **options)

    return record


def body(answer):
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def exported(client, file_format="jsonl", query="", url=EXPORT):
    text = body(client.post(url + query, {"format": file_format}))
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_hold_every_event_in_full_newest_first(as_owner, owner, record):
    events = [record(actor=Actor(owner, "203.0.113.9", "Browser/1"), message="ünïcode", limit=n) for n in range(3)]
    rows = exported(as_owner)
    assert [row["id"] for row in rows] == [event.pk for event in events[::-1]]
    assert set(rows[0]) == set(COLUMNS)
    assert rows[0]["details"] == {"limit": 2}
    assert (rows[0]["message"], rows[0]["hash"]) == ("ünïcode", events[2].hash)


def test_csv_holds_the_same(as_owner, record):
    record(subject=("id-1", 'a "name", with\nlines'), limit=10)
    (row,) = exported(as_owner, "csv")
    assert row["subject"] == 'a "name", with lines'
    assert json.loads(row["details"]) == {"limit": 10}
    at = AuditEvent.objects.get(subject_id="id-1").at
    assert row["at (UTC)"] == f"{at:%Y-%m-%d %H:%M:%S}"


def test_a_long_trail_comes_whole(as_owner, record, monkeypatch):
    monkeypatch.setattr("core.export.BATCH", 500)
    count = 1203
    for _ in range(count):
        record()
    assert len({row["id"] for row in exported(as_owner)}) == count


@pytest.mark.parametrize("query", ["?action=key:revoked", "?outcome=refused", "?actor=nobody", "?start=2099-01-01"])
def test_filters_narrow_the_file_as_they_narrow_the_page(as_owner, record, query):
    record()
    page = as_owner.get("/w/example-works/audit/" + query)
    assert f'action="{EXPORT}{query.replace(":", "%3A")}"' in page.content.decode()
    assert len(exported(as_owner, query=query)) == len(page.context["events"]) == 0


def test_a_bad_filter_or_format_gives_no_file(as_owner, record):
    record()
    assert as_owner.post(EXPORT + "?since=yesterday", {"format": "csv"}).status_code == 400
    assert as_owner.post(EXPORT, {"format": "exe"}).status_code == 400


def test_an_export_is_an_event_itself(as_owner, owner, record):
    record()
    exported(as_owner, "csv", "?action=key:created")
    event = AuditEvent.objects.order_by("pk").last()
    assert (event.action, event.actor_email, event.subject) == (Action.AUDIT_EXPORTED, owner.email, "csv")
    assert event.details == {"events": 1, "filters": {"action": "key:created"}}


def test_other_workspaces_are_not_in_it_and_site_admins_get_everything(as_owner, record, db):
    record(workspace=None)
    assert exported(as_owner) == []
    sign_in(as_owner, User.objects.create_superuser("admin@example.test", PASSWORD))
    actions = [event["action"] for event in exported(as_owner, url="/audit/export/")]
    assert actions == [Action.ACCOUNT_OPENED, Action.AUDIT_EXPORTED, Action.KEY_CREATED]


def test_it_is_saved_and_not_shown(as_owner, record):
    answer = as_owner.post(EXPORT, {"format": "csv"})
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-example-works-2')
    assert answer["Content-Disposition"].endswith('Z.csv"')
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_who_signed_in_long_ago_confirms_first_and_comes_back_to_the_same_filter(client, owner, record):
    sign_in(client, owner, minutes_ago=60)
    answer = client.post(EXPORT + "?action=key:created", {"format": "csv"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/confirm/")
    assert "audit%2F%3Faction%3Dkey%253Acreated" in answer["Location"]
    assert not AuditEvent.objects.filter(action=Action.AUDIT_EXPORTED).exists()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("  =1", "'  =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\u200b=1", "'\u200b=1"),
        ("\uff1d1", "'\uff1d1"),
        ("-12.5", "-12.5"),
        ("plain", "plain"),
        ("a\x00b\nc\u202ed", "a b c d"),
        (None, ""),
    ],
)
def test_no_cell_is_a_formula(text, cell):
    assert escape_formula(text) == cell
