"""New rows are dated by the database's clock. Nothing changes in the database, where a default of Django's has no trace."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0009_taken_over_by")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("endpointcheck", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("redelivery", "created_at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
