"""As in 0007: rows are dated by the database's clock, in the last columns that went by a machine's."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("alerts", "0008_past_of_the_demo")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("rule", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("snooze", "at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
