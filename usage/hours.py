"""Hours in UTC, by which the history of the balance is kept."""

from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


def start_of_hour(moment: datetime) -> datetime:
    """Return the start of the hour of ``moment``, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
