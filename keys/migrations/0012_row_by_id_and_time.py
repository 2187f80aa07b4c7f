"""A row of the request log is told by its upstream id and its time, as on PostgreSQL since the log has partitions: an id
that upstream uses twice is two requests.

On PostgreSQL the constraint is so already. SQLite copies the whole log, once for both operations, in one transaction in
which nobody else can write: CHANGELOG.md says how long that took.
"""

from django.db import migrations, models

NAME, BEFORE, AFTER = "one_row_a_request", ["key", "upstream_id"], ["key", "upstream_id", "created_at"]


def constrained_to(fields):
    def rebuild(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            log = apps.get_model("keys", "LoggedRequest")
            log._meta.constraints = [models.UniqueConstraint(fields=fields, name=NAME)]
            schema_editor._remake_table(log)  # what each of the two operations would do for itself

    return rebuild


class Migration(migrations.Migration):
    dependencies = [("keys", "0011_counter_restarts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("loggedrequest", NAME),
                migrations.AddConstraint("loggedrequest", models.UniqueConstraint(fields=AFTER, name=NAME)),
            ],
            database_operations=[migrations.RunPython(constrained_to(AFTER), constrained_to(BEFORE))],
        )
    ]
