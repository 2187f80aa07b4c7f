"""What web processes and workers count, each for itself, and the sum of it."""

import os
import subprocess
import sys
import time

import pytest
import redis as redis_client
from django.conf import settings

from tests.conftest import ROOT, clean_environment
from workspaces.polling import engine, metrics_store, rate_limiter, worker_metrics
from workspaces.polling.metrics_store import RedisMetric
from workspaces.tasks import mend_clock

CLICKS = RedisMetric("console_clicks_total", "Clicks of the tests.", ("who",))
WAITS = RedisMetric("console_waits_seconds", "Waits of the tests.", ("who",), (0.1, 1.0))


@pytest.fixture
def sums(redis):
    """What Redis holds of the two above, once this process has handed over."""

    def read():
        metrics_store.flush()
        found = {meter.name: {one.values: one for one in counts} for meter, counts in metrics_store.read_metrics()}
        return found["console_clicks_total"], found["console_waits_seconds"]

    return read


def test_counts_add_up(sums):
    for by in (1, 2.5):
        CLICKS.count("ann", by=by)
    CLICKS.count("bob")
    clicks, _ = sums()
    assert {who: one.total for (who,), one in clicks.items()} == {"ann": 3.5, "bob": 1}
    CLICKS.count("ann")
    assert sums()[0]["ann",].total == 4.5


def test_a_duration_falls_into_the_bucket_that_ends_at_it_or_after(sums):
    for seconds in (0.1, 0.100001, 1.0, 7.0):
        WAITS.observe(seconds, "ann")
    one = sums()[1]["ann",]
    assert one.buckets == (1, 2, 1)
    assert one.total == pytest.approx(8.200001)


def test_processes_add_to_one_sum(sums, redis_server):
    script = (
        "import django; django.setup()\n"
        "from workspaces.polling import metrics_store\n"
        "metrics_store.RedisMetric('console_clicks_total', 'x', ('who',)).count('ann', by=2)\n"
        "metrics_store.start()"  # hands over at its end
    )
    environment = clean_environment(
        DJANGO_SETTINGS_MODULE="config.settings", VAR_DIR=settings.VAR_DIR / "other", REDIS_URL=settings.REDIS_URL
    )
    CLICKS.count("ann")
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, timeout=60)
    assert sums()[0]["ann",].total == 5


def test_a_forked_process_begins_at_nothing(sums):
    CLICKS.count("ann")
    child = os.fork()
    if child == 0:
        metrics_store.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert sums()[0]["ann",].total == 1


def test_what_redis_did_not_take_is_handed_over_later(sums, monkeypatch, redis):
    with monkeypatch.context() as patch:
        patch.setattr(settings, "REDIS_URL", "unix:///nowhere/redis.sock")
        patch.setattr(rate_limiter, "_pool", None)
        CLICKS.count("ann")
        metrics_store.flush()
        CLICKS.count("ann")
        metrics_store.flush()
    metrics_store.flush()
    assert sums()[0]["ann",].total == 2


def test_what_was_taken_without_our_hearing_of_it_counts_once(sums, monkeypatch):
    real = rate_limiter.connection

    class Deaf:
        """Sends, and loses the answer."""

        def register_script(self, text):
            def run(**known):
                real().register_script(text)(**known)
                raise redis_client.ConnectionError

            return run

    CLICKS.count("ann")
    with monkeypatch.context() as patch:
        patch.setattr(rate_limiter, "connection", Deaf)
        metrics_store.flush()
    assert sums()[0]["ann",].total == 1


def test_what_others_left_in_redis_makes_way(sums, redis):
    redis.set("meters", "junk")
    assert sums()[0] == {}
    redis.set("meters:workspaces", "junk")
    CLICKS.count("ann")
    assert sums()[0]["ann",].total == 1
    redis.hset("meters", "console_clicks_total\x1fann\x1f", "many")
    redis.hset("meters", "console_clicks_total\x1ftoo\x1fmany\x1f", "1")
    redis.hset("meters", b"\xff", "1")
    assert sums()[0] == {}
    CLICKS.count("ann")
    assert sums()[0]["ann",].total == 1


def test_a_process_hands_over_by_itself(sums, redis, monkeypatch):
    monkeypatch.setattr(metrics_store, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(metrics_store.atexit, "register", lambda _: None)
    CLICKS.count("ann")
    metrics_store.start()
    metrics_store.start()
    deadline = time.monotonic() + 10
    while not redis.hlen("meters") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sums()[0]["ann",].total == 1


def test_pages_are_counted_by_view_method_and_status(client, scrape, db):
    client.get("/accounts/login/")
    client.post("/accounts/login/", {})
    client.get("/no/such/page")
    client.generic("BREW", "/accounts/login/")
    client.get("/healthz")
    metrics_store.flush()
    found = scrape()
    assert found.all("console_http_requests_total", view="account_login") == {
        ("GET", "200"): 1,
        ("POST", "200"): 1,
        ("other", "405"): 1,
    }
    assert sum(found.all("console_http_requests_total", view="none").values()) == 1
    assert found.value("console_http_request_duration_seconds_count", view="account_login") == 3
    buckets = found.all("console_http_request_duration_seconds_bucket", view="account_login")
    assert list(buckets.values()) == sorted(buckets.values())
    assert buckets["+Inf",] == 3
    assert "healthz" not in found.text


def test_calls_to_cleanlist_are_counted_by_endpoint_and_answer(scrape, db):
    for answer, seconds in (("200", 0.2), ("200", 0.3), ("TimedOut", 30.5)):
        worker_metrics._answered("GET /api/v1/public/credits/balance", answer, seconds)
    metrics_store.flush()
    found = scrape()
    labels = {"endpoint": "GET /api/v1/public/credits/balance"}
    assert found.all("console_upstream_answers_total", **labels) == {("200",): 2, ("TimedOut",): 1}
    assert found.value("console_upstream_call_duration_seconds_sum", **labels) == pytest.approx(31)
    assert found.value("console_upstream_call_duration_seconds_bucket", le="30.0", **labels) == 2


def test_polls_are_counted_by_how_they_ended(scrape, workspace, poll, settings):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 1, 100
    one = poll("balance")
    engine.run([one])  # nobody answers there
    rate_limiter.record([(workspace.rate_limited_as, "credits/balance")])
    one.next_run_at = one.last_attempt_at
    one.save()
    engine.run_due()
    metrics_store.flush()
    assert scrape().all("console_polls_settled_total", resource="balance") == {("failed",): 1, ("held",): 1}


def test_tasks_are_counted_by_how_they_ended(scrape, monkeypatch):
    mend_clock.apply()
    monkeypatch.setattr("core.clock.repair_future_times", lambda: 1 / 0)
    mend_clock.apply()
    metrics_store.flush()
    found, labels = scrape(), {"task": "workspaces.tasks.mend_clock"}
    assert found.all("console_tasks_total", **labels) == {("succeeded",): 1, ("failed",): 1}
    assert found.value("console_task_duration_seconds_count", **labels) == 2


def test_what_the_limiter_leaves_is_told_of_the_organization_with_least(scrape, workspace, settings):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_SHARE_PERCENT = 60, 20
    found = scrape()
    assert found.value("console_limiter_share_calls", endpoint="credits/balance") == 12
    assert found.value("console_limiter_headroom_calls", endpoint="credits/balance") == 12
    rate_limiter.record([(workspace.rate_limited_as, "credits/balance")] * 5)
    assert scrape().value("console_limiter_headroom_calls", endpoint="credits/balance") == 7
    rate_limiter.block(workspace.rate_limited_as, "credits/balance", 5)
    found = scrape()
    assert found.value("console_limiter_headroom_calls", endpoint="credits/balance") == 0
    assert found.value("console_limiter_exhausted_organizations", endpoint="credits/balance") == 1
    assert found.value("console_limiter_exhausted_organizations", endpoint="api-keys") == 0
