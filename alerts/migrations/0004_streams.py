from django.db import migrations, models
from django.db.models import F


def copy(apps, schema_editor):
    """Who had unsubscribed had ended everything."""
    rows = apps.get_model("alerts", "Recipient").objects.exclude(summary_off_at=None)
    rows.update(critical_off_at=F("summary_off_at"), warnings_off_at=F("summary_off_at"))


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_edited_rules")]

    operations = [
        migrations.RenameField("recipient", "unsubscribed_at", "summary_off_at"),
        migrations.AddField("recipient", "critical_off_at", models.DateTimeField(null=True)),
        migrations.AddField("recipient", "warnings_off_at", models.DateTimeField(null=True)),
        migrations.RunPython(copy, migrations.RunPython.noop),
    ]
