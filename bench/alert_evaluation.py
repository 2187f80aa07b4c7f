"""How fast are rules evaluated? 1,000 workspaces with three rules each, evaluated as their balances are ingested.

Run: python -m bench.alert_evaluation [workspaces]. SQLite by default; with DATABASE_URL, a scratch database beside
that one. Prints rules per second and queries per batch of workspaces: for the usual case (nothing changes), for a pass
in which every rule fires, for alerts that go on, and for one in which each of them resolves. One worker, one core.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from bench.scratch import surroundings  # first: it chooses the settings

# ruff: isort: split
from django.db import connection
from django.utils import timezone

from alerts.engine import evaluation
from alerts.engine.rule_kinds import all_kinds
from alerts.models import Alert, Evaluation, Notification, Rule
from core import task_queue
from usage import readings
from usage.forecast.runway import learn_burn
from workspaces.models import Membership, Poll, Role, User, Workspace

LEVELS = (("Getting low", "information", 2000), ("Low", "warning", 1000), ("Almost gone", "critical", 100))


def populate(count: int) -> list[Workspace]:
    known = [kind.name for kind in all_kinds()]
    names = [f"Workspace {number:04d}" for number in range(count)]
    workspaces = [Workspace(name=name, slug=name.lower().replace(" ", "-"), base_url="http://x") for name in names]
    Workspace.objects.bulk_create(workspaces)
    owner = User.objects.create_user("operations@example.test", "bench only")
    Membership.objects.bulk_create(Membership(user=owner, workspace=each, role=Role.OWNER) for each in workspaces)
    # Hourly, so that on a slow machine no balance is out of date before its turn comes.
    Poll.objects.bulk_create(Poll(workspace=each, resource="balance", interval_seconds=3600) for each in workspaces)
    Evaluation.objects.bulk_create(Evaluation(workspace=each, known_kinds=known) for each in workspaces)
    Rule.objects.bulk_create(
        Rule(
            workspace=each,
            kind="balance_below",
            name=name,
            severity=severity,
            threshold=Decimal(threshold),
            recovery=Decimal(threshold),
            parameters={"unit": "credits"},
        )
        for each in workspaces
        for name, severity, threshold in LEVELS
    )
    return workspaces


def record_balances(workspaces: list[Workspace], amount: int) -> None:
    now = timezone.now()
    for workspace in workspaces:
        readings.record_reading(workspace, Decimal(amount), now)
        learn_burn(workspace, now)
    Poll.objects.update(last_success_at=now)


def measure(label: str, workspaces: list[Workspace]) -> None:
    """Evaluate all, as after their balances were ingested, and print what it took."""
    updated = {workspace.pk: {"balance"} for workspace in workspaces}
    queries: list[int] = []
    began, used = time.perf_counter(), time.process_time()
    for start in range(0, len(workspaces), evaluation.BATCH):
        batch = workspaces[start : start + evaluation.BATCH]
        with counting() as counted:
            assert evaluation.evaluate_together(batch, updated=updated) == len(batch)
        queries.append(counted.count)
    seconds, busy = time.perf_counter() - began, time.process_time() - used
    rate, each, used_each = len(workspaces) * len(LEVELS) / seconds, seconds / len(workspaces), busy / len(workspaces)
    print(
        f"{label:22} {rate:7,.0f} rules/s, {each * 1000:5.2f} ms a workspace ({used_each * 1000:5.2f} of processor),"
        f" {min(queries)} to {max(queries)} queries for {evaluation.BATCH} workspaces,"
        f" {sum(queries) / len(workspaces):.1f} for each"
    )


class Counted:
    """Counts queries without keeping them, which would cost more than they do."""

    count = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Run one query."""
        self.count += 1
        return execute(*arguments)


@contextmanager
def counting() -> Iterator[Counted]:
    """Count the queries of a block."""
    counted = Counted()
    with connection.execute_wrapper(counted):
        yield counted


def main(count: int) -> None:
    """Measure all four cases, and check that they were what they should be."""
    task_queue.enqueue = lambda _task: None  # no worker runs here
    workspaces = populate(count)
    print(f"{count:,} workspaces, {len(LEVELS)} rules each, {connection.vendor}")
    record_balances(workspaces, 5000)
    measure("nothing changes", workspaces)
    record_balances(workspaces, 50)
    measure("all three rules fire", workspaces)
    record_balances(workspaces, 50)
    measure("still firing", workspaces)
    record_balances(workspaces, 9000)
    measure("all three resolve", workspaces)
    print(f"{Alert.objects.count():,} alerts, {Notification.objects.count():,} e-mails in the outbox")
    assert Alert.objects.filter(state="resolved").count() == count * len(LEVELS)
    assert Notification.objects.count() == 2 * count


if __name__ == "__main__":
    with surroundings():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
