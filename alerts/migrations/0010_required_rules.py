"""The rule that says on every page that nobody is told is there and on again wherever it was removed or switched off."""

from typing import Any

from django.db import migrations

UNHEARD = "critical_unheard"


def bring_back(apps: Any, _: Any) -> None:
    """Switch it on, or have the next evaluation make it as for a kind that the workspace does not know yet."""
    rules = apps.get_model("alerts", "Rule").objects.filter(kind=UNHEARD)
    rules.filter(enabled=False).update(enabled=True)
    having = set(rules.values_list("workspace", flat=True))
    for evaluation in apps.get_model("alerts", "Evaluation").objects.exclude(workspace__in=having):
        evaluation.known_kinds = [kind for kind in evaluation.known_kinds if kind != UNHEARD]
        evaluation.save(update_fields=["known_kinds"])


class Migration(migrations.Migration):
    dependencies = [("alerts", "0009_dates_by_database_clock")]

    operations = [migrations.RunPython(bring_back, migrations.RunPython.noop, elidable=True)]
