"""New rows are dated by the database's clock. Nothing changes in the database, where a default of Django's has no trace."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("keys", "0012_row_by_id_and_time")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("keycreation", "sent_at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
