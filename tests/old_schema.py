"""The tables as an older version had them, made by the migrations that today's first ones replace."""

from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader


def migrate_by_old_files(*targets):
    """Go there, forwards or backwards; each target is an app and the number of its last migration of that time."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    executor.migrate([(app, executor.loader.get_migration_by_prefix(app, number).name) for app, number in targets])


@contextmanager
def old_schema(app, number):
    """Have the tables of an app as they were then; afterwards it is updated, with all that is in them."""
    migrate_by_old_files((app, number))
    try:
        yield
    finally:
        call_command("migrate", verbosity=0)  # those of other apps too that need this one's
