import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest


def count_what_is_there(apps, _):
    """Keys whose log was read before begin with the rows that are there; what is older had left upstream's log."""
    log = apps.get_model("keys", "LoggedRequest").objects.filter(key=OuterRef("pk")).order_by()
    rows = log.values("key").annotate(n=Count("pk")).values("n")
    keys = apps.get_model("keys", "ApiKey").objects
    keys.update(captured_count=Coalesce(Subquery(rows), 0))
    keys.filter(captured_count__gt=0).update(
        captured_since=F("first_seen_at"), count_before=Greatest(F("request_count") - F("captured_count"), 0)
    )


class Migration(migrations.Migration):
    dependencies = [("keys", "0003_log_indexes")]

    operations = [
        migrations.AddField("apikey", "captured_since", models.DateTimeField(null=True)),
        migrations.AddField("apikey", "captured_count", models.BigIntegerField(default=0)),
        migrations.AddField("apikey", "count_before", models.BigIntegerField(null=True)),
        migrations.AddField("apikey", "missed_count", models.BigIntegerField(default=0)),
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
        migrations.CreateModel(
            name="LogGap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("after", models.DateTimeField()),
                ("before", models.DateTimeField()),
                ("size", models.PositiveIntegerField(null=True)),
                ("detected_at", models.DateTimeField()),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="gaps", to="keys.apikey"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["key", "before"], name="gap_of_key")]},
        ),
    ]
