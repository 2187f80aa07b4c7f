from collections.abc import Iterator
from itertools import groupby

import django.db.models.deletion
from django.db import migrations, models

BATCH = 2000


def _days(hours) -> Iterator[tuple[tuple, int, dict[str, int]]]:
    read = ("workspace_id", "host", "reason", "hour", "count", "histogram")
    rows = hours.order_by("workspace_id", "host", "reason", "hour").values_list(*read).iterator(BATCH)
    for key, found in groupby(rows, key=lambda row: (*row[:3], row[3].replace(hour=0))):
        total, times = 0, {}
        for *_, count, histogram in found:
            total += count
            for bucket, number in histogram.items():
                times[bucket] = times.get(bucket, 0) + number
        yield key, total, times


def add_up(apps, _) -> None:
    """Make the days from the hours that are there."""
    day_model, batch = apps.get_model("webhooks", "EndpointDay"), []
    for (workspace, host, reason, day), count, histogram in _days(apps.get_model("webhooks", "EndpointHour").objects):
        batch.append(
            day_model(workspace_id=workspace, host=host, reason=reason, day=day, count=count, histogram=histogram)
        )
        if len(batch) == BATCH:
            day_model.objects.bulk_create(batch)
            batch.clear()
    day_model.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0005_workflows_by_beginning"),
        ("workspaces", "0006_actions_of_webhooks"),
    ]

    operations = [
        migrations.CreateModel(
            name="EndpointDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=255)),
                ("reason", models.CharField(blank=True, max_length=30)),
                ("count", models.PositiveIntegerField()),
                ("histogram", models.JSONField(default=dict)),
                ("day", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "host", "day", "reason"), name="one_endpoint_day")
                ],
            },
        ),
        migrations.RunPython(add_up, migrations.RunPython.noop),
    ]
