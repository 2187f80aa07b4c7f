"""Who an alert names as spenders: the keys, and what of the credits no call explains."""

from datetime import timedelta
from decimal import Decimal

from tests.keys.conftest import log_request, make_key, note_poll
from tests.usage.balance_history import record_series
from usage.credit_status import credit_statuses
from usage.spend.breakdown import spend_breakdown


def spenders(workspace, now):
    [known] = credit_statuses([workspace], now)
    return dict(known.spenders).get("Top spenders, 24 hours", "")


def test_what_no_call_explains_is_told_beside_the_keys(workspace, now):
    key = make_key(workspace, "Pipeline")
    balances = {40: 5000, 39: 5000, 38: 4999, 37: 4999, 20: 4999, 19: 4400, 18: 4400}
    record_series(workspace, [(now - timedelta(minutes=age), Decimal(left)) for age, left in balances.items()], 3600)
    log_request(key, created_at=now - timedelta(minutes=50), method="GET", path="/api/v1/public/whoami")
    call = {"method": "POST", "path": "/api/v1/public/enrichment/company", "status_code": 200}
    log_request(key, created_at=now - timedelta(minutes=38.5), **call)
    note_poll(workspace, "requests", subject=key.upstream_id, last_success_at=now)
    said = spenders(workspace, now)
    assert said.startswith("Pipeline: 1 credit")
    assert "; explained by no call: 599 credits" in said


def test_where_no_key_spent_anything_what_no_call_explains_is_told_alone(workspace, now):
    key = make_key(workspace, "Pipeline")
    record_series(workspace, [(now - timedelta(minutes=age), Decimal(100 * age)) for age in (40, 30, 20)], 3600)
    log_request(key, created_at=now - timedelta(minutes=50), method="GET", path="/api/v1/public/whoami")
    note_poll(workspace, "requests", subject=key.upstream_id, last_success_at=now)
    assert spenders(workspace, now).startswith("explained by no call: 2,000 credits")


def test_nothing_is_told_where_nothing_was_spent(workspace, now):
    assert spenders(workspace, now) == ""


def test_what_was_spent_since_the_log_was_read_is_explained_by_no_call(workspace, now):
    key = make_key(workspace, "Pipeline")
    balances = {40: 5000, 30: 4999, 20: 4999, 1: 4999, 0: 0}
    record_series(workspace, [(now - timedelta(minutes=age), Decimal(left)) for age, left in balances.items()], 3600)
    call = {"method": "POST", "path": "/api/v1/public/enrichment/company", "status_code": 200}
    log_request(key, created_at=now - timedelta(minutes=35), **call)
    note_poll(workspace, "requests", subject=key.upstream_id, last_success_at=now - timedelta(minutes=2))
    assert spenders(workspace, now) == "Pipeline: 1 credit; explained by no call: 4,999 credits"
    breakdown = spend_breakdown(workspace, timedelta(days=1), now)
    assert breakdown.total == 5000 == sum(row.credits for row in (*breakdown.by_key, breakdown.unexplained))


def test_further_keys_are_summed_up_so_that_nothing_is_missing(workspace, now):
    balances, age = {60: 5000}, 60
    keys = [make_key(workspace, f"Key {number}") for number in range(5)]
    for number, key in enumerate(keys):
        for _ in range(number + 1):
            age -= 3
            log_request(key, created_at=now - timedelta(minutes=age + 1), method="POST", status_code=200,
                        path="/api/v1/public/enrichment/company")  # fmt: skip
            balances[age] = min(balances.values()) - 1
        note_poll(workspace, "requests", subject=key.upstream_id, last_success_at=now)
    record_series(workspace, [(now - timedelta(minutes=age), Decimal(left)) for age, left in balances.items()], 3600)
    said = spenders(workspace, now)
    assert said.count("Key ") == 3
    assert "; other keys: 3 credits" in said
