"""New rows are dated by the database's clock. Nothing changes in the database, where a default of Django's has no trace."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("alerts", "0006_pauses")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("attempt", "at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("evaluation", "next_run_at", models.DateTimeField(db_index=True, default=clock.cached_now)),
                migrations.AlterField("notification", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("notification", "next_attempt_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("transition", "at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
