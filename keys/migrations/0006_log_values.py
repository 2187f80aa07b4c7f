import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count, Max, Min

from keys.models.log_value import fingerprint

BATCH = 2000
KINDS = ("path", "user_agent", "ip_address", "method", "status_code")


def count_what_is_there(apps, _):
    """Note every value that occurs in the log, column by column, in batches."""
    log, value = apps.get_model("keys", "LoggedRequest"), apps.get_model("keys", "LogValue")
    for kind in KINDS:
        found = log.objects.order_by().values_list("key", "workspace", "is_own_call", kind)
        found = found.annotate(n=Count("pk"), first=Min("created_at"), last=Max("created_at"))
        batch = []
        for key, workspace, is_own, raw, n, first, last in found.iterator(BATCH):
            text = "" if raw is None else str(raw)
            owner = {"key_id": key, "workspace_id": workspace, "is_own_call": is_own}
            seen = {"count": n, "first_seen_at": first, "last_seen_at": last}
            batch.append(value(**owner, kind=kind, fingerprint=fingerprint(text), value=text, **seen))
            if len(batch) == BATCH:
                value.objects.bulk_create(batch)
                batch = []
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
