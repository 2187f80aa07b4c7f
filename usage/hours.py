"""Hours in UTC, the unit of the balance's history."""

from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


def start_of_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
