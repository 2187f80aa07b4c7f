"""New rows are dated by the database's clock. Nothing changes in the database, where a default of Django's has no trace."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0015_session_limits")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("accountmail", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField(
                    "accountmail", "next_attempt_at", models.DateTimeField(db_index=True, default=clock.cached_now)
                ),
                migrations.AlterField("auditevent", "at", models.DateTimeField(db_index=True, default=clock.cached_now)),
                migrations.AlterField("poll", "next_run_at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
