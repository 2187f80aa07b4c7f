"""Failed deliveries and their redelivery, for tests."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta

from django.conf import settings as console_settings
from django.http import QueryDict
from django.utils import timezone

from tests.conftest import ROOT, clean_environment
from tests.wait import wait_until
from tests.webhooks.attempts import run
from tests.workspaces.polling.test_workers import database_url
from webhooks.ingest.attempts import ingest_page
from webhooks.redelivery import engine, services
from webhooks.redelivery.selection import select
from workspaces.audit.events import Actor
from workspaces.models import Membership, Role, User

ENRICHMENT_COUNT = 24  # enrichments that are done, in the sandbox of redeliveries
CONTACT = {"linkedin_url": "https://www.linkedin.com/in/contact-0042"}


def submit_enrichment(client, **more):
    body = {"enrichment_type": "partial", "contacts": [CONTACT], **more}
    return client.post("/api/v1/public/enrich/bulk", json=body).raise_for_status().json()["workflow_id"]


def ingest_failures(workspace, ids, url, **facts):
    """Ingest deliveries of these workflows that failed for good an hour ago."""
    start = timezone.now() - timedelta(hours=1)
    rows = [row for one in ids for row in run(one, start=start, url=url, **facts)]
    ingest_page(workspace, rows, timezone.now())


def get_operator(workspace):
    """Return an operator who is responsible for redeliveries."""
    user, _ = User.objects.get_or_create(email="redelivering@example.test")
    Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"role": Role.OPERATOR})
    return Actor(user)


def start_redelivery(workspace, query="state=failed", url="", actor=None):
    selected = QueryDict(query)
    count = select(workspace, selected).count
    return services.start_redelivery(workspace, actor or get_operator(workspace), selected, url, count)


def work_until_done(job, seconds=60):
    def is_done():
        engine.run_due()
        job.refresh_from_db()
        return job.state != "running"

    wait_until(is_done, seconds)


def count_states(job):
    return Counter(job.items.values_list("state", flat=True))


def start_worker(workspace, var_dir):
    environment = clean_environment(
        VAR_DIR=var_dir,
        SECRET_KEY=console_settings.SECRET_KEY,
        ENCRYPTION_KEYS=console_settings.ENCRYPTION_KEYS[0],
        DATABASE_URL=database_url(),
        REDIS_URL=console_settings.REDIS_URL,
        CLEANLIST_API_ORIGINS=workspace.base_url,
        RATE_LIMIT_PER_MINUTE=100_000,
        WEBHOOK_ALLOW_LOCAL_TARGETS="true",
        LEASE_SECONDS=3,
    )
    command = [sys.executable, "-m", "tests.webhooks.redelivery.redelivery_worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "ready\n"
    return worker
