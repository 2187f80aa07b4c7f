"""The scopes of a key: what Cleanlist reports, else what its log proves, and what fails without each."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keys.models import LoggedRequest
from keys.scopes import MOST_ROWS, SCOPES, required_scope, scopes_of
from sandbox.routes import newer, older_public
from sandbox.seed import ALL_SCOPES
from tests.fixtures import count_into_rollups

from .conftest import log_request, make_key, text_of


@pytest.fixture
def key(mirror):
    return make_key(mirror.workspace, "Production pipeline")


@pytest.fixture
def own_key(mirror):
    ends = {"prefix": mirror.workspace.api_key_prefix, "last4": mirror.workspace.api_key_last4}
    return make_key(mirror.workspace, "Console", **ends)


def declared_scopes(dependant):
    own = set(dependant.own_oauth_scopes or ())
    return own.union(*(declared_scopes(each) for each in dependant.dependencies))


def demanded_scopes():
    """Return what the sandbox's own declaration says, by operation."""
    return {
        f"{method} {route.path}": declared_scopes(route.dependant)
        for router in (newer.public, newer.v2, older_public.router)
        for route in router.routes
        for method in route.methods
    }


def test_the_table_is_what_the_sandbox_demands():
    demanded = demanded_scopes()
    assert len(demanded) > 60
    assert {call: {required_scope(call)} - {""} for call in demanded} == demanded
    assert [scope.name for scope in SCOPES] == list(ALL_SCOPES)


def test_every_operation_of_the_table_is_one_of_the_sandbox():
    served = {re.sub(r"{[\w:-]+}", "{id}", call).replace("/api/v1/public/", "") for call in demanded_scopes()}
    assert {f"{each.method} {each.path}" for scope in SCOPES for each in scope.operations} <= served


def state_of(found, name):
    return next(row.state for row in found.rows if row.scope.name == name)


def test_every_id_and_query_leads_to_the_scope():
    assert required_scope("GET /api/v2/enrichment/status/bulk-enrich-1?x=/lead-lists") == "enrich:read"
    assert required_scope("GET /api/v2/lead-lists/short/leads/") == "lists:read"
    assert required_scope("DELETE /api/v1/public/lead-lists/0b0f/leads") == "lists:write"
    assert required_scope("GET /api/v2/smart-agents/9") == "smart_agents:read"
    assert required_scope("/api/v2/smart-agents/run") == "smart_agents:write"
    assert required_scope("/api/v2/lead-lists") == required_scope("GET /api/v1/api-keys") == ""


def test_the_consoles_own_key_has_what_cleanlist_reports_and_each_missing_one_says_what_fails(mirror, own_key):
    mirror.workspace.scopes = ["credits:read", "enrich:read", "beta:read"]
    mirror.workspace.save()
    found = scopes_of(own_key, mirror.workspace)
    assert found.is_declared
    assert (state_of(found, "credits:read"), state_of(found, "enrich:write")) == ("granted", "missing")
    page = text_of(mirror.get("detail", own_key.key_id))
    assert page.count("Not granted") == 10
    assert "POST enrichment/by-task" in page
    assert "<code>beta:read</code>" in page


def test_a_key_listed_with_the_consoles_own_has_the_same_owner_and_scopes(mirror, key, own_key):
    mirror.workspace.scopes = ["credits:read"]
    assert state_of(scopes_of(key, mirror.workspace), "enrich:write") == "missing"
    light = make_key(mirror.workspace, in_full=False, owner="")
    assert state_of(scopes_of(light, mirror.workspace), "credits:read") == "granted"


@pytest.mark.parametrize("facts", [{"owner": "other@example.test"}, {"owner": ""}])
def test_the_scopes_of_somebody_elses_key_are_unknown(mirror, own_key, facts):
    mirror.workspace.scopes = ["credits:read"]
    found = scopes_of(make_key(mirror.workspace, **facts), mirror.workspace)
    assert not found.is_declared
    assert {row.state for row in found.rows} == {"unknown"}


def test_without_a_report_every_scope_is_unknown_and_the_page_says_why(mirror, key):
    page = text_of(mirror.get("detail", key.key_id))
    assert page.count('<span class="muted">Unknown</span></td>') == 12
    assert "Not granted" not in page


def test_a_call_that_worked_proves_its_scope_and_a_later_403_is_told_without_a_reason(mirror, key):
    now = timezone.now()
    log_request(key, method="GET", path="/api/v2/lead-lists/7/leads", created_at=now - timedelta(hours=2))
    log_request(key, path="/api/v2/lead-lists", status_code=403, created_at=now - timedelta(hours=2))
    log_request(key, path="/api/v2/sync/crm", created_at=now - timedelta(hours=2))
    log_request(key, path="/api/v2/sync/crm", status_code=403, created_at=now - timedelta(hours=1))
    log_request(key, method="GET", path="/api/v2/export/json", status_code=500)
    found = scopes_of(key, mirror.workspace)
    states = {row.scope.name: row.state for row in found.rows if row.state != "unknown"}
    assert states == {"lists:read": "worked", "lists:write": "rejected", "sync:write": "rejected"}
    assert "Rejected (403)" in text_of(mirror.get("detail", key.key_id))


def test_what_the_newest_rows_no_longer_hold_the_hourly_counts_still_prove(mirror, key):
    old = log_request(key, path="/api/v2/export/csv/signed-url", created_at=timezone.now() - timedelta(days=3))
    count_into_rollups(key, [old])
    LoggedRequest.objects.all().delete()
    found = scopes_of(key, mirror.workspace)
    assert [row.scope.name for row in found.rows if row.state == "worked"] == ["export:read"]


def test_the_log_is_read_in_three_bounded_queries_however_long_it_is(mirror, key):
    for number in range(30):
        count_into_rollups(key, [log_request(key, path=f"/api/v2/path-{number}")])
    with CaptureQueriesContext(connection) as queries:
        scopes_of(key, mirror.workspace)
    assert len(queries) == 3 + (connection.vendor == "postgresql")  # the clock is the database's there
    of_log = [query["sql"] for query in queries if "keys_loggedrequest" in query["sql"]]
    assert all("LIMIT" in sql for sql in of_log)
    assert any(f"LIMIT {MOST_ROWS}" in sql for sql in of_log)


def test_the_part_that_is_refreshed_doesnt_ask_for_scopes_again(mirror, key):
    part = mirror.get("detail", key.key_id, headers={"HX-Request": "true"})
    assert "Fails without it" not in text_of(part)
