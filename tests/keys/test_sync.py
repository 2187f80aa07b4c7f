"""How upstream's answers become the mirror."""

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cleanlist import ApiKey as UpstreamKey
from cleanlist import Listing, PublicApiKey, RequestLogEntry
from keys import polls, sync
from keys.log.ingest import pages as log_ingest
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Poll

ID = "550e8400-e29b-41d4-a716-446655440000"
NOW = timezone.now() - timedelta(hours=1)


def listed(number=0, **facts):
    known = {"id": f"{ID[:-2]}{number:02d}", "is_active": True, "name": f"Key {number}", "key_prefix": "clapi_AbCd"}
    return UpstreamKey(**{**known, "key_last4": "wXyZ", "request_count": 7, **facts})


def land(workspace, *keys, after=0):
    sync.ingest_full_list(workspace, list(keys), NOW + timedelta(seconds=after))


def test_landing_the_same_list_twice_changes_nothing(workspace):
    land(workspace, listed(1), listed(2))
    before = list(ApiKey.objects.order_by("upstream_id").values())
    land(workspace, listed(1), listed(2))
    assert list(ApiKey.objects.order_by("upstream_id").values()) == before


def test_a_list_that_says_nothing_new_writes_only_when_it_was_read(workspace):
    land(workspace, listed(1), listed(2))
    with CaptureQueriesContext(connection) as queries:
        land(workspace, listed(1), listed(2), after=60)
    written = [sql for query in queries if (sql := query["sql"]).startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(written) == 1
    assert set(ApiKey.objects.values_list("read_at", flat=True)) == {NOW + timedelta(seconds=60)}

    land(workspace, listed(1, request_count=8), listed(2), after=120)
    assert dict(ApiKey.objects.values_list("name", "request_count")) == {"Key 1": 8, "Key 2": 7}
    assert set(ApiKey.objects.values_list("read_at", flat=True)) == {NOW + timedelta(seconds=120)}


def test_a_list_that_was_read_earlier_but_came_later_is_stale(workspace):
    land(workspace, listed(1, is_active=False), after=10)
    land(workspace, listed(1), after=5)
    assert not ApiKey.objects.get().is_active


def test_a_key_that_is_no_longer_listed_stays_and_is_marked(workspace):
    land(workspace, listed(1))
    land(workspace, after=60)
    key = ApiKey.objects.get()
    assert (key.is_active, key.gone_at) == (False, NOW + timedelta(seconds=60))


def test_a_key_that_is_listed_again_is_no_longer_gone(workspace):
    land(workspace, listed(1))
    land(workspace, after=60)
    land(workspace, listed(1), after=120)
    assert (ApiKey.objects.get().is_active, ApiKey.objects.get().gone_at) == (True, None)


def test_a_revocation_elsewhere_is_dated_when_it_was_noticed(workspace):
    land(workspace, listed(1))
    land(workspace, listed(1, is_active=False), after=60)
    assert ApiKey.objects.get().revoked_at == NOW + timedelta(seconds=60)


def test_an_expiry_is_not_taken_for_a_revocation(workspace):
    over = NOW - timedelta(seconds=1)
    land(workspace, listed(1, expires_at=over))
    land(workspace, listed(1, expires_at=over, is_active=False), after=60)
    assert ApiKey.objects.get().revoked_at is None


def test_a_light_list_keeps_what_a_full_one_told(workspace):
    land(workspace, listed(1))
    light = PublicApiKey(key_id=listed(1).id, is_active=True, key_prefix="clapi_AbCd", key_last4="wXyZ")
    sync.ingest_light_list(workspace, [light], NOW + timedelta(seconds=60))
    key = ApiKey.objects.get()
    assert (key.name, key.request_count, key.in_full) == ("Key 1", 7, True)


def test_each_active_key_gets_a_poll_of_its_log_and_a_gone_one_loses_it(workspace):
    land(workspace, listed(1), listed(2))
    land(workspace, listed(1), after=60)
    assert list(Poll.objects.filter(resource="requests").values_list("subject", flat=True)) == [listed(1).id]


def test_an_id_that_is_no_uuid_still_gets_a_page(workspace):
    land(workspace, listed(1, id="ak_5f8c2b91"))
    first = ApiKey.objects.get().key_id
    land(workspace, listed(1, id="ak_5f8c2b91"), after=60)
    assert ApiKey.objects.get().key_id == first


def test_text_that_no_database_can_store_is_made_storable(workspace):
    land(workspace, listed(1, name="nul\x00 " + "x" * 300))
    assert len(ApiKey.objects.get().name) == 200


class Upstream:
    """Answers every question for a list with ``rows``."""

    def __init__(self, *rows):
        self.rows, self.api_keys, self.public_keys = rows, self, self

    async def list(self):
        return Listing(self.rows)

    async def requests(self, key_id, limit):
        return Listing(self.rows)


BAD_IDS = ["", ".", "..", "k\x00", "k\x1b[2J", "k\u202e", "k\ud800", "x" * 201]


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize("lands_full", [True, False], ids=["full", "light"])
def test_a_key_that_cannot_be_asked_for_by_its_id_is_counted_as_odd(workspace, bad, lands_full):
    known = listed(1)
    land(workspace, known)
    poll = Poll.objects.create(workspace=workspace, resource="keys", interval_seconds=60)
    if lands_full:
        page = asyncio.run(polls.fetch_keys(Upstream(listed(2), listed(3, id=bad)), poll))
        polls.ingest_keys(poll, page, NOW + timedelta(seconds=60))
    else:
        light = [PublicApiKey(key_id=name, is_active=True) for name in (listed(2).id, bad)]
        page = asyncio.run(polls.fetch_public_keys(Upstream(*light), poll))
        polls.ingest_public_keys(poll, page, NOW + timedelta(seconds=60))

    assert [odd.reason.startswith("id") for odd in page.malformed] == [True]
    assert set(ApiKey.objects.values_list("upstream_id", flat=True)) == {known.id, listed(2).id}
    # It may be the one that is missing.
    assert ApiKey.objects.get(upstream_id=known.id).gone_at is None


def test_the_longest_id_is_kept_as_it_is(workspace):
    page = asyncio.run(polls.fetch_keys(Upstream(listed(1, id="x" * 200)), Poll(workspace=workspace)))
    polls.ingest_keys(Poll(workspace=workspace), page, NOW)
    assert page.malformed == ()
    assert ApiKey.objects.get().upstream_id == "x" * 200


def test_a_row_of_the_log_without_an_id_is_counted_as_odd(workspace):
    rows = [RequestLogEntry(id=name, created_at=NOW) for name in ("", "log-1")]
    page = asyncio.run(polls.fetch_requests(Upstream(*rows), Poll(workspace=workspace, subject=listed(1).id)))
    assert ([row.id for row in page], page.total, [odd.reason for odd in page.malformed]) == (
        ["log-1"],
        2,
        ["id is missing"],
    )


@pytest.mark.parametrize("status", [None, 200, -1, 10_000])
def test_odd_log_rows_land_all_the_same_and_once(workspace, status):
    land(workspace, listed(1))
    row = RequestLogEntry(id="log-1", created_at=NOW, path="/x" * 5000, status_code=status, duration_ms=1e12)
    assert log_ingest.ingest_latest_page(workspace, listed(1).id, [row]) == 1
    assert log_ingest.ingest_latest_page(workspace, listed(1).id, [row]) == 0
    assert LoggedRequest.objects.count() == 1


def test_the_consoles_own_calls_are_told_apart(workspace):
    land(workspace, listed(1))
    row = RequestLogEntry(id="log-1", created_at=NOW, user_agent="cleanlist-console/0.1.0")
    log_ingest.ingest_latest_page(workspace, listed(1).id, [row])
    assert LoggedRequest.objects.get().is_own_call


def test_ten_and_twenty_keys_land_with_the_same_number_of_queries(workspace):
    counts = []
    for most in (10, 20):
        land(workspace, *(listed(number) for number in range(most)), after=most)
        with CaptureQueriesContext(connection) as queries:
            land(workspace, *(listed(number) for number in range(most)), after=most + 5)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_list_with_records_that_cannot_be_read_takes_no_key_for_gone(workspace):
    land(workspace, listed(1), listed(2))
    sync.ingest_full_list(workspace, [listed(1)], NOW + timedelta(seconds=60), is_complete=False)
    assert ApiKey.objects.get(upstream_id=listed(2).id).gone_at is None

    sync.ingest_full_list(workspace, [listed(1)], NOW + timedelta(seconds=120))
    assert ApiKey.objects.get(upstream_id=listed(2).id).gone_at is not None
