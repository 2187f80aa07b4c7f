from itertools import islice

import django.db.models.deletion
from django.db import migrations, models

from keys.log.models import facet

def count_what_is_there(apps, _):
    """Note every value that occurs in the log; each column is read once."""
    log, value = apps.get_model("keys", "LoggedRequest"), apps.get_model("keys", "LogValue")
    workspaces = dict(apps.get_model("keys", "ApiKey").objects.values_list("pk", "workspace"))
    noted = (value(workspace_id=workspaces[one["key_id"]], **one) for one in facet.count_facets(log.objects.all()))
    while batch := list(islice(noted, 500)):
        value.objects.bulk_create(batch)


def owner(to, on_delete, **options):
    return models.ForeignKey(db_index=False, on_delete=on_delete, to=to, **options)


class Migration(migrations.Migration):
    dependencies = [("keys", "0005_rollups"), ("workspaces", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="LogValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("path", "Path"),
                            ("beginning", "Beginning of paths with an id or a query"),
                            ("user_agent", "User agent"),
                            ("ip_address", "IP address"),
                            ("method", "Method"),
                            ("status_code", "Status"),
                        ],
                        max_length=12,
                    ),
                ),
                ("is_own_call", models.BooleanField()),
                ("fingerprint", models.BigIntegerField()),
                ("value", models.TextField(blank=True)),
                ("count", models.BigIntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("key", owner("keys.apikey", django.db.models.deletion.CASCADE, related_name="log_values")),
                (
                    "workspace",
                    owner(
                        "workspaces.workspace",
                        django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        db_constraint=False,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["workspace", "kind"], name="values_of_workspace")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["key", "kind", "is_own_call", "fingerprint"], name="one_value_of_key"
                    )
                ],
            },
        ),
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
    ]
