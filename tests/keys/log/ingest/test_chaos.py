"""A small edition of bench/capture_chaos.py: crashes at every seam, faulty answers, and no request lost or doubled."""

import random

import pytest
from django.utils import timezone

from cleanlist import Secret
from keys.log.completeness import log_completeness
from keys.log.ingest import pages as log_ingest
from keys.log.ingest import recount
from keys.models import ApiKey, LogGap, LoggedRequest
from tests.alerts.test_chaos import Killed
from tests.wait import wait_until
from workspaces.audit.events import CONSOLE
from workspaces.models import Poll
from workspaces.models.polling import PollQuerySet
from workspaces.polling import engine, fetcher, ingest, rate_limiter
from workspaces.services import Credentials, connect_workspace

pytestmark = pytest.mark.django_db

CRASHES = (
    (PollQuerySet, "lease"),
    (fetcher.FetchQueue, "begin"),  # called upstream or not, nothing ingested
    (log_ingest, "_update_counts"),  # in the transaction of the ingest, after the rows
    (log_ingest, "execute_batch"),  # before or after counts, rollups and facets
    (ingest, "_ingest_all"),  # ingested, not rescheduled
    (PollQuerySet, "give_back"),
)
FAULTS = (
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "drop", "after": True},
)


@pytest.fixture
def crash(monkeypatch):
    """Do something with a crash at one of the seams, before or after what the seam does."""

    def run(work, seam, *, late):
        owner, name = seam
        original = getattr(owner, name)

        def dies(*arguments, **options):
            if late:
                original(*arguments, **options)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, dies)
            try:
                work()
            except Killed:
                return

    return run


@pytest.fixture
def workspace(db, sandbox, settings):
    """A workspace with a management session, so that no call of the console's is in a key's log."""
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, sandbox.base_url]
    known = sandbox.credentials()
    credentials = Credentials(
        frontend_api_url=known["clerk_frontend_api"],
        session_id=known["clerk_session_id"],
        client_token=Secret(known["clerk_client_token"]),
    )
    return connect_workspace(CONSOLE, name="Chaos", base_url=sandbox.base_url, credentials=credentials)


@pytest.fixture
def keys(sandbox):
    """Three keys that nobody has used, by id."""
    with sandbox.session() as session:
        before = {key["id"] for key in session.get("/api/v1/api-keys").json()}
        for _ in range(3):
            session.post("/api/v1/api-keys").raise_for_status()
        made = [key["id"] for key in session.get("/api/v1/api-keys").json() if key["id"] not in before]
        yield made
        for key in made:
            session.post(f"/api/v1/api-keys/{key}/revoke").raise_for_status()


def poll_everything():
    """Let the time pass that leases, waits and the rate limit have left, and poll what there is."""
    rate_limiter.connection().flushdb()
    Poll.objects.filter(paused_reason="").update(leased_until=None, next_run_at=timezone.now())
    engine.run_turn()


def size_is_known():
    """The list of keys tells how much a gap holds; one that was read just before the page does not yet."""
    poll_everything()
    return LogGap.objects.filter(size__isnull=False).exists()


def write(sandbox, key, count):
    sandbox.control("requests", {"key_id": key, "count": count, "path": f"/api/v1/public/page-{count % 3}"})


def captured(key):
    return LoggedRequest.objects.filter(key__upstream_id=key).count()


def test_crashes_and_faults_neither_lose_nor_double_a_request(sandbox, workspace, keys, crash):
    rng = random.Random(1)
    poll_everything()
    poll_everything()
    for fault in FAULTS:
        sandbox.control("faults", {"path": "/api", "probability": 0.03, **fault})
    written = dict.fromkeys(keys, 0)
    for _ in range(8):
        for key in keys:
            count = rng.randint(1, 150)
            write(sandbox, key, count)
            written[key] += count
        crash(poll_everything, rng.choice(CRASHES), late=rng.random() < 0.5)
        poll_everything()
    sandbox.control("faults", method="DELETE")
    for _ in range(2):  # the list tells the count, the log has the rows
        poll_everything()
    assert {key: captured(key) for key in keys} == written
    assert list(recount.recount(workspace)) == []
    shown = [log_completeness(key) for key in ApiKey.objects.of(workspace).filter(upstream_id__in=keys)]
    assert [one.percent for one in shown] == [100, 100, 100]
    assert not LogGap.objects.exists()


def test_more_than_a_page_at_once_is_a_gap_with_its_span_and_size(sandbox, workspace, keys):
    key = keys[0]
    poll_everything()
    write(sandbox, key, 10)
    poll_everything()
    poll_everything()
    last = LoggedRequest.objects.filter(key__upstream_id=key).newest_first().first()
    write(sandbox, key, 620)
    poll_everything()
    wait_until(size_is_known)
    gap = LogGap.objects.get()
    first_after = LoggedRequest.objects.filter(key__upstream_id=key, created_at__gt=last.created_at)
    assert (gap.after, gap.size) == (last.created_at, 120)
    assert gap.before == first_after.order_by("created_at").first().created_at
    assert "120 requests fell into 1 gap" in log_completeness(ApiKey.objects.get(upstream_id=key)).explanation
