"""How fast are rules evaluated? 1,000 workspaces with three rules each, on a database file of its own.

Run: python -m bench.alert_evaluation [workspaces]. Prints rules per second and queries per workspace, for the usual
case (nothing changes), for a pass in which every workspace fires, and for one in which each of them resolves.
"""

import os
import sys
import tempfile
import time
from decimal import Decimal

from dashboard.secrets import new_secret

# One worker, one core: nothing else runs beside it.
_folder = tempfile.TemporaryDirectory(prefix="console-bench-")
os.environ |= {
    "ENV_FILE": "",
    "VAR_DIR": _folder.name,
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "SECRET_KEY": new_secret("django"),
    "ENCRYPTION_KEYS": new_secret("fernet"),
    "LOG_LEVEL": "WARNING",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from alerts import tasks  # noqa: E402
from alerts.kinds import all_kinds  # noqa: E402
from alerts.models import Alert, Evaluation, Notification, Rule  # noqa: E402
from alerts.services import evaluating  # noqa: E402
from usage import readings  # noqa: E402
from workspaces.models import Membership, Poll, Role, User, Workspace  # noqa: E402

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


def land(workspaces: list[Workspace], amount: int) -> None:
    now = timezone.now()
    for workspace in workspaces:
        readings.record(workspace, Decimal(amount), now)
    Poll.objects.update(last_success_at=now)


def measure(label: str, workspaces: list[Workspace]) -> None:
    with CaptureQueriesContext(connection) as first:
        evaluating.evaluate(workspaces[0], resource="balance")
    with CaptureQueriesContext(connection) as last:
        evaluating.evaluate(workspaces[-1], resource="balance")
    rest = workspaces[1:-1]
    began = time.perf_counter()
    for workspace in rest:
        evaluating.evaluate(workspace, resource="balance")
    seconds = time.perf_counter() - began
    rate = len(rest) * len(LEVELS) / seconds
    print(
        f"{label:24} {rate:7,.0f} rules/s  {seconds / len(rest) * 1000:5.1f} ms and {len(first)} queries a workspace",
        end="",
    )
    print("" if len(first) == len(last) else f" (the last one: {len(last)})")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    call_command("migrate", verbosity=0)
    tasks.nudge_outbox = lambda: None  # no broker runs here
    workspaces = populate(count)
    print(f"{count:,} workspaces, {len(LEVELS)} rules each, {connection.vendor}")
    land(workspaces, 5000)
    measure("nothing changes", workspaces)
    land(workspaces, 50)
    measure("all three rules fire", workspaces)
    land(workspaces, 50)
    measure("still firing", workspaces)
    land(workspaces, 9000)
    measure("all three resolve", workspaces)
    print(f"{Alert.objects.count():,} alerts, {Notification.objects.count():,} e-mails in the outbox")
    assert Alert.objects.filter(state="resolved").count() == count * len(LEVELS)
    assert Notification.objects.count() == 2 * count


if __name__ == "__main__":
    main()
