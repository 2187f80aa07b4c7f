"""How upstream's answers become the mirror."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cleanlist import ApiKey as UpstreamKey
from cleanlist import PublicApiKey, RequestLogEntry
from keys import landing
from keys.log import landing as log_landing
from keys.models import ApiKey, LoggedRequest
from workspaces.models import Poll

ID = "550e8400-e29b-41d4-a716-446655440000"
NOW = timezone.now() - timedelta(hours=1)


def listed(number=0, **facts):
    known = {"id": f"{ID[:-2]}{number:02d}", "is_active": True, "name": f"Key {number}", "key_prefix": "clapi_AbCd"}
    return UpstreamKey(**{**known, "key_last4": "wXyZ", "request_count": 7, **facts})


def land(workspace, *keys, after=0):
    landing.land_full_list(workspace, list(keys), NOW + timedelta(seconds=after))


def test_landing_the_same_list_twice_changes_nothing(workspace):
    land(workspace, listed(1), listed(2))
    before = list(ApiKey.objects.order_by("upstream_id").values())
    land(workspace, listed(1), listed(2))
    assert list(ApiKey.objects.order_by("upstream_id").values()) == before


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
    landing.land_light_list(workspace, [light], NOW + timedelta(seconds=60))
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


@pytest.mark.parametrize("status", [None, 200, -1, 10_000])
def test_odd_log_rows_land_all_the_same_and_once(workspace, status):
    land(workspace, listed(1))
    row = RequestLogEntry(id="log-1", created_at=NOW, path="/x" * 5000, status_code=status, duration_ms=1e12)
    assert log_landing.land_requests(workspace, listed(1).id, [row]) == 1
    assert log_landing.land_requests(workspace, listed(1).id, [row]) == 0
    assert LoggedRequest.objects.count() == 1


def test_the_consoles_own_calls_are_told_apart(workspace):
    land(workspace, listed(1))
    row = RequestLogEntry(id="log-1", created_at=NOW, user_agent="cleanlist-console/0.1.0")
    log_landing.land_requests(workspace, listed(1).id, [row])
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
    landing.land_full_list(workspace, [listed(1)], NOW + timedelta(seconds=60), is_complete=False)
    assert ApiKey.objects.get(upstream_id=listed(2).id).gone_at is None

    landing.land_full_list(workspace, [listed(1)], NOW + timedelta(seconds=120))
    assert ApiKey.objects.get(upstream_id=listed(2).id).gone_at is not None
