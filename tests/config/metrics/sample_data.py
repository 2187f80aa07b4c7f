"""Workspaces of which everything is known that ``/metrics`` can tell."""

from datetime import timedelta

from django.utils import timezone

from alerts.models import Alert, Notification, Recipient
from config.front.meters import REFUSED, REQUESTS, SECONDS
from keys.models import LogGap
from tests.fixtures import NOWHERE
from tests.keys.conftest import make_key
from tests.usage.balance_history import write_steady
from usage import metrics_cache
from usage.forecast.runway import learn_burn
from usage.models import Budget
from webhooks.models import Delivery, DeliveryState, Endpoint, Workflow
from workspaces.models import AccountMail, Heartbeat, Poll, Workspace
from workspaces.polling import metrics_store, rate_limiter, worker_metrics


def create_workspaces(count):
    """Add so many workspaces; return them."""
    present = Workspace.objects.count()
    names = [f"customer-{present + place}" for place in range(count)]
    found = [
        Workspace.objects.create(name=name, slug=name, base_url=NOWHERE, organization_id=f"org-of-{name}")
        for name in names
    ]
    now = timezone.now()
    for one in found:
        _credits(one, now)
        _keys(one, now)
        _webhooks(one, now)
        _alerts(one, now)
    _processes(now)
    return found


def _credits(workspace, now):
    write_steady(workspace, now, hours=60)
    Budget.objects.create(workspace=workspace, credits=5000)
    learn_burn(workspace, now)
    Workspace.objects.filter(pk=workspace.pk).update(paused_at=now)
    facts = {"interval_seconds": 60, "last_success_at": now}
    metrics_cache.refresh_metrics([Poll.objects.create(workspace=workspace, resource="balance", **facts)])
    for name in ("keys", "deliveries", "requests"):
        Poll.objects.create(workspace=workspace, resource=name, next_run_at=now - timedelta(seconds=9), **facts)


def _keys(workspace, now):
    key = make_key(workspace, missed_count=4)
    LogGap.objects.create(key=key, after=now, before=now, detected_at=now, size=4)
    for what in ("2xx", "4xx", "5xx", "none"):
        metrics_store.count_for_workspace(workspace.pk, what, 7)


def _webhooks(workspace, now):
    Endpoint.objects.create(workspace=workspace, host="hooks.example.test", last_attempt_at=now)
    for number in range(3):
        workflow = Workflow.objects.create(
            workspace=workspace, workflow_id=f"w{number}", first_seen_at=now, status_read_at=now, credits_reserved=11
        )
        Delivery.objects.create(
            workspace=workspace,
            workflow=workflow,
            url="https://hooks.example.test/in",
            host="hooks.example.test",
            state=DeliveryState.FAILED,
            first_attempt_at=now,
            last_attempt_at=now,
        )


def _alerts(workspace, now):
    moments = {"started_at": now, "fired_at": now, "evaluated_at": now}
    known = {"workspace": workspace, "kind": "balance_below", "rule_name": "Balance low", "state": "firing"}
    alert = Alert.objects.create(severity="critical", **known, **moments)
    recipient = Recipient.objects.create(workspace=workspace, address="somebody@example.test")
    Notification.objects.create(
        workspace=workspace,
        recipient=recipient,
        alert=alert,
        kind="firing",
        key=workspace.slug,
        message_id=workspace.slug,
    )


def _processes(now):
    AccountMail.objects.create(template="account/email/x", address="a@example.test")
    for kind, name in (("clock", "clock"), ("queue", "polling"), ("queue", "alerts")):
        Heartbeat.beat(kind, name)
    Heartbeat.beat("worker", "one", queues="alerts polling")
    SECONDS.observe(0.03, "home")
    REQUESTS.count("home", "GET", "200")
    REFUSED.count("413")
    worker_metrics._answered("GET /api/v1/public/credits/balance", "200", 0.2)
    worker_metrics.POLLS.count("balance", "succeeded")
    worker_metrics.TASK_SECONDS.observe(0.2, "workspaces.tasks.poll_due")
    worker_metrics.TASKS.count("workspaces.tasks.poll_due", "succeeded")
    rate_limiter.acquire([("org-of-customer-0", "credits/balance")])
    metrics_store.flush()
