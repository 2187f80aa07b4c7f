"""The one clock by which it is noted when things were read and when they are due: the database's.

The clocks of the console's machines may differ, and be set; what several processes compare must come from one.
"""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Return the present moment by the database's clock, in one query; SQLite's clock is this machine's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)  # noqa: S101 - what the function is declared to return
    return moment
