"""As in 0016: rows are dated by the database's clock, in the last columns that went by a machine's."""

from django.db import migrations, models

from core import clock


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0017_pausing")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("workspace", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("membership", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("invitation", "created_at", models.DateTimeField(default=clock.cached_now)),
                migrations.AlterField("managementsession", "updated_at", models.DateTimeField(default=clock.cached_now)),
            ]
        )
    ]
