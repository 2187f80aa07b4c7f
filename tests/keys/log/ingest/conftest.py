from datetime import timedelta

import pytest
from django.utils import timezone

from cleanlist import ApiKey as UpstreamKey
from cleanlist import RequestLogEntry
from keys import sync
from keys.log.ingest import pages as log_ingest
from keys.models import ApiKey
from workspaces.models import Poll, Workspace

KEY = "550e8400-e29b-41d4-a716-446655440000"
START = timezone.now().replace(microsecond=0) - timedelta(hours=12)


def at(seconds):
    return START + timedelta(seconds=seconds)


class FakeLog:
    """Upstream's log of one key: counts everything, shows the latest 500 rows."""

    def __init__(self, workspace):
        self.workspace, self.rows = workspace, []

    def write(self, count, *, since, seconds_apart=1.0, **facts):
        known = {"method": "GET", "path": "/api/v1/public/credits/balance", "status_code": 200, "duration_ms": 40}
        for number in range(count):
            time = at(since + number * seconds_apart)
            self.rows.append(RequestLogEntry(id=f"row-{len(self.rows)}", created_at=time, **{**known, **facts}))

    def list(self, seconds):
        """Have the console read the key list at ``seconds``."""
        used = max((row.created_at for row in self.rows), default=None)
        listed = UpstreamKey(
            id=KEY, is_active=True, name="Server", key_prefix="clapi_AbCd", key_last4="wXyZ",
            request_count=len(self.rows), last_used_at=used,
        )  # fmt: skip
        sync.ingest_full_list(self.workspace, [listed], at(seconds))

    def page(self):
        return sorted(self.rows, key=lambda row: row.created_at, reverse=True)[:500]

    def read(self, seconds, page=None):
        """Have the console read the log at ``seconds``."""
        return log_ingest.ingest_page(self.workspace, KEY, self.page() if page is None else page, at(seconds))

    @property
    def key(self):
        return ApiKey.objects.get(upstream_id=KEY)

    @property
    def poll(self):
        return Poll.objects.get(resource="requests", subject=KEY)


@pytest.fixture
def log(workspace):
    return FakeLog(workspace)


@pytest.fixture
def another_log(workspace):
    """The log of a key in a workspace of its own."""
    other = Workspace.objects.create(name="Other", slug="other", base_url=workspace.base_url)
    return FakeLog(other)
