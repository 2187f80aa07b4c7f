"""New rows are dated by the database's clock. Nothing changes in the database, where a default of Django's has no trace."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("usage", "0009_budget")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("balanceimport", "at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("budget", "length_since", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
