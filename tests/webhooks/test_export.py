"""The list as a file."""

import csv
import io
import json

import pytest

from webhooks.models import Delivery
from workspaces.models import Action, AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported(hooks):
    def exported(file_format="jsonl", query=""):
        answer = hooks.http.post(hooks.url("export") + query, {"format": file_format})
        assert answer.status_code == 200
        text = b"".join(answer.streaming_content).decode()
        if file_format == "csv":
            return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        return [json.loads(line) for line in text.splitlines()]

    return exported


def test_a_line_holds_all_that_the_page_shows(hooks, exported):
    delivery = hooks.ingest()

    (line,) = exported()

    assert line == {
        "workflow_id": "public_bulk_1",
        "url": delivery.url,
        "state": "failed",
        "reason": "server_error",
        "reason_in_words": "Your endpoint failed (5xx)",
        "attempts": 5,
        "times_delivered_by_upstream": 1,
        "first_attempt_at": delivery.first_attempt_at.isoformat(timespec="microseconds"),
        "last_attempt_at": delivery.last_attempt_at.isoformat(timespec="microseconds"),
        "last_status_code": 500,
        "last_error": "HTTP 500",
        "last_duration_ms": 120,
        "next_attempt_at": "",
        "delivered_at": "",
        "redelivered_by_this_console_at": "",
    }
    (in_csv,) = exported("csv")
    assert [name.removesuffix(" (UTC)") for name in in_csv] == list(line)
    assert in_csv["last_attempt_at (UTC)"] == f"{delivery.last_attempt_at:%Y-%m-%d %H:%M:%S}"


def test_every_row_comes_once_newest_first_in_pieces(hooks, exported, monkeypatch):
    monkeypatch.setattr("core.export.BATCH", 3)
    for number in range(10):
        hooks.ingest(f"public_bulk_{number}", [200], ago=60 + number // 4)

    rows = Delivery.objects.newest_first().values_list("workflow__workflow_id", flat=True)
    assert [line["workflow_id"] for line in exported()] == list(rows)


def test_filters_narrow_the_file_and_the_trail_says_which(hooks, exported):
    hooks.ingest("public_bulk_a")
    hooks.ingest("public_bulk_b", [200])

    assert [line["workflow_id"] for line in exported("csv", "?state=failed&older=1-1")] == ["public_bulk_a"]

    event = AuditEvent.objects.get(action=Action.DELIVERIES_EXPORTED)
    assert (event.subject, event.details) == ("csv", {"deliveries": "1", "filters": {"state": "failed"}})


def test_no_cell_is_a_formula(hooks, exported):
    hooks.ingest("=1+1", error_message="@cmd")
    (line,) = exported("csv")
    assert (line["workflow_id"], line["last_error"]) == ("'=1+1", "'@cmd")


@pytest.mark.parametrize(("query", "file_format"), [("?state=lost", "csv"), ("", "xml")])
def test_nothing_is_sent_for_half_a_question(hooks, query, file_format):
    answer = hooks.http.post(hooks.url("export") + query, {"format": file_format})
    assert answer.status_code == 400
    assert not AuditEvent.objects.exists()
