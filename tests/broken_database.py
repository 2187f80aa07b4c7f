"""Ways to break the database of a running console for a moment, so that it has to answer with 500 or 503."""

import hashlib
import sqlite3
from contextlib import closing, contextmanager

# The cookie of a session whose row nobody can read: its date is none.
UNREADABLE = "unreadable"
_KEY = hashlib.sha256(UNREADABLE.encode()).hexdigest()[:40]


@contextmanager
def unreadable_session(database):
    """Have a request with the session ``UNREADABLE`` trip over its row."""
    with closing(sqlite3.connect(database, timeout=30)) as rows:
        rows.execute("INSERT INTO django_session VALUES (?, '', '9999-99-99 00:00:00')", [_KEY])
        rows.commit()
        try:
            yield
        finally:
            rows.execute("DELETE FROM django_session WHERE session_key = ?", [_KEY])
            rows.commit()


@contextmanager
def sessions_table_missing(database):
    """Have whatever looks for a session find its table missing."""
    with closing(sqlite3.connect(database, timeout=30)) as rows:
        rows.execute("ALTER TABLE django_session RENAME TO django_session_away")
        try:
            yield
        finally:
            rows.execute("ALTER TABLE django_session_away RENAME TO django_session")
