from decimal import Decimal

from django.db import migrations

KIND = "balance_below"
UNTOUCHED = {
    "pending_seconds": 0,
    "to_owners": True,
    "addresses": [],
    "enabled": True,
    "parameters": {"unit": "percent"},
}
# What every workspace started with: name, severity, threshold, recovery, seconds between reminders.
FORMER = (
    ("Balance getting low", "information", 20, 22, 0),
    ("Balance low", "warning", 10, 11, 86400),
    ("Balance almost gone", "critical", 5, Decimal("5.5"), 21600),
)
SETTLING = 600


def complete(apps, schema_editor):
    """Give the absolute levels to workspaces whose levels are still the ones they started with, and to no others."""
    rule = apps.get_model("alerts", "Rule")
    for workspace in rule.objects.filter(kind=KIND).order_by().values_list("workspace", flat=True).distinct():
        rows = list(rule.objects.filter(workspace=workspace, kind=KIND))
        if sorted(map(_facts, rows), key=str) != sorted(FORMER, key=str) or not all(map(_is_untouched, rows)):
            continue
        rule.objects.filter(pk__in=[row.pk for row in rows]).update(pending_seconds=SETTLING)
        common = {"workspace_id": workspace, "kind": KIND, "severity": "critical", "repeat_seconds": 21600}
        common["parameters"] = {"unit": "credits"}
        rule.objects.create(
            name="Less than one call left", threshold=11, recovery=22, pending_seconds=SETTLING, **common
        )
        rule.objects.create(name="No credits left", threshold=Decimal("0.0001"), recovery=11, **common)


def _facts(row):
    return row.name, row.severity, _plain(row.threshold), _plain(row.recovery), row.repeat_seconds


def _plain(value):
    return int(value) if value == int(value) else Decimal(value).normalize()


def _is_untouched(row):
    return all(getattr(row, name) == value for name, value in UNTOUCHED.items())


class Migration(migrations.Migration):
    dependencies = [("usage", "0006_untouched_readings"), ("alerts", "0002_left_at")]

    operations = [migrations.RunPython(complete, migrations.RunPython.noop)]
