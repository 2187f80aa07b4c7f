import shutil
import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from workspaces.models import Poll
from workspaces.polling import metrics_store, rate_limiter

TOKEN = "a-token-of-the-tests"


class Scraped:
    """What one scrape brought."""

    def __init__(self, text):
        self.text = text
        self.families = {one.name: one for one in text_string_to_metric_families(text)}
        self.samples = [sample for one in self.families.values() for sample in one.samples]

    def all(self, name, **labels):
        """The values of that name, by what their labels say besides ``labels``."""
        found = {}
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                rest = tuple(value for label, value in sample.labels.items() if label not in labels)
                assert rest not in found
                found[rest] = sample.value
        return found

    def value(self, name, **labels):
        """The only value, or None."""
        found = self.all(name, **labels)
        assert len(found) < 2
        return next(iter(found.values()), None)


@pytest.fixture
def ask(client, settings, db):
    settings.METRICS_TOKEN = TOKEN
    return lambda **headers: client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", **headers})


@pytest.fixture
def scrape(ask):
    def get():
        response = ask()
        assert response.status_code == 200
        return Scraped(response.content.decode())

    return get


@pytest.fixture(autouse=True)
def _nothing_counted():
    """What tests before have counted and not handed over is none of ours."""
    metrics_store._forget()


@pytest.fixture
def no_redis(settings, monkeypatch):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(rate_limiter, "_pool", None)


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def poll(workspace, now):
    def make(resource="balance", subject="", **facts):
        known = {"interval_seconds": 60, "next_run_at": now + timedelta(minutes=1), "last_success_at": now, **facts}
        return Poll.objects.create(workspace=workspace, resource=resource, subject=subject, **known)

    return make


@pytest.fixture(scope="session")
def promtool():
    """Run Prometheus' own checker; return how it ended and what it said."""

    def check(*arguments, text=""):
        command = [shutil.which("promtool") or "/usr/bin/promtool", *arguments]
        done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
        return done.returncode, f"{done.stdout}{done.stderr}"

    return check
