from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.pagination import Cursor
from keys.models import LoggedRequest

from .conftest import add_session, log_request, make_key, note_poll, text_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def key(mirror):
    return make_key(mirror.workspace, "Production pipeline")


def test_everything_known_is_there(mirror, key):
    note_poll(mirror.workspace, "requests", subject=key.upstream_id)
    log_request(key, duration_ms=184)
    page = text_of(mirror.get("detail", key.key_id))
    wanted = [key.upstream_id, key.owner, "1,547", "184 ms", "203.0.113.42", "python-requests", "/enrich/bulk"]
    assert not [fact for fact in wanted if fact not in page]


def test_the_consoles_own_calls_are_hidden_counted_and_can_be_shown(mirror, key):
    log_request(key, path="/api/v1/public/whoami", is_own_call=True)
    hidden = mirror.get("detail", key.key_id)
    assert "1 console call hidden" in text_of(hidden)
    assert "whoami" not in text_of(hidden)
    assert "whoami" in text_of(mirror.get("detail", key.key_id, query_params={"own": "1"}))


def test_a_request_opens_beside_the_page_with_its_neighbors_and_links_into_the_log(mirror, key):
    for number in range(3):
        log_request(key, path=f"/api/v1/path-{number}", created_at=timezone.now() - timedelta(minutes=number))
    newest, middle, oldest = LoggedRequest.objects.order_by("-created_at")
    here, log = (reverse(f"keys:{name}", args=[mirror.workspace.slug, key.key_id]) for name in ("detail", "requests"))

    drawer = text_of(
        mirror.get("detail", key.key_id, headers=HTMX | {"HX-Target": "drawer"}, query_params={"row": middle.pk})
    )

    assert "<table" not in drawer
    assert "/api/v1/path-1" in drawer
    assert f'href="{here}?row={newest.pk}"' in drawer
    assert f'href="{here}?row={oldest.pk}"' in drawer
    assert f'href="{log}?path=%3D%2Fapi%2Fv1%2Fpath-1"' in drawer
    whole = text_of(mirror.get("detail", key.key_id, query_params={"row": middle.pk}))
    assert f'data-closed-url="{here}"' in whole
    assert f'href="{here}?row={middle.pk}"' in whole


def test_only_the_latest_requests_are_listed(mirror, key):
    for number in range(25):
        log_request(key, path=f"/api/v1/path-{number}")
    answer = mirror.get("detail", key.key_id)
    assert len(answer.context["page"].rows) == 20
    assert "View all 25 requests" in text_of(answer)


def test_htmx_gets_the_part_that_changes(mirror, key):
    part = text_of(mirror.get("detail", key.key_id, headers=HTMX))
    assert "<html" not in part
    assert 'id="key-summary" class="cluster" hx-swap-oob="true"' in part


def test_a_key_that_is_not_there_is_not_found(mirror):
    assert mirror.get("detail", "00000000-0000-4000-8000-00000000dead").status_code == 404


@pytest.mark.parametrize(
    ("session", "poll", "words"),
    [
        ({}, {}, "No requests yet"),
        ({}, None, "The log has not synced yet"),
        (None, None, "The request log is turned off"),
        ({"rejected_at": timezone.now()}, None, "Management session expired"),
        ({}, {"last_success_at": None, "consecutive_failures": 2, "last_error": "no"}, "The log could not be synced"),
    ],
)
def test_an_empty_log_says_why_it_is_empty(mirror, key, session, poll, words):
    if session is not None:
        add_session(mirror.workspace, **session)
    if poll is not None:
        note_poll(mirror.workspace, "requests", subject=key.upstream_id, **poll)
    assert words in text_of(mirror.get("detail", key.key_id))


def test_ten_and_twenty_rows_cost_the_same_number_of_queries(mirror, key):
    counts = []
    for _ in range(2):
        for _ in range(10):
            log_request(key)
        with CaptureQueriesContext(connection) as queries:
            mirror.get("detail", key.key_id)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_page_asks_nothing_twice(mirror, key):
    log_request(key)
    key.captured_since, key.count_before, key.request_count = timezone.now(), 0, 1
    key.save()
    with CaptureQueriesContext(connection) as queries:
        assert "requests captured" in text_of(mirror.get("detail", key.key_id))
    statements = [query["sql"] for query in queries if "FROM" in query["sql"]]
    assert sorted(set(statements)) == sorted(statements)


def test_a_place_survives_being_written_into_an_address(key):
    row = log_request(key, created_at=timezone.now())
    assert Cursor.parse(str(row.cursor)) == row.cursor
