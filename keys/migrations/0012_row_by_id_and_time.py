"""A row of the request log is told by its upstream id and its time, as on PostgreSQL since the log has partitions: an id
that upstream uses twice is two requests.

On PostgreSQL the constraint is so already. SQLite copies the whole log for each of the two operations, in one transaction
in which nobody else can write: CHANGELOG.md says how long that took.
"""

from django.db import migrations, models


class OnSQLite:
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class Remove(OnSQLite, migrations.RemoveConstraint):
    pass


class Add(OnSQLite, migrations.AddConstraint):
    pass


class Migration(migrations.Migration):
    dependencies = [("keys", "0011_counter_restarts")]

    operations = [
        Remove("loggedrequest", "one_row_a_request"),
        Add(
            "loggedrequest",
            models.UniqueConstraint(fields=["key", "upstream_id", "created_at"], name="one_row_a_request"),
        ),
    ]
