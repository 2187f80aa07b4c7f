"""Delivery attempts as upstream sends them, for tests."""

from datetime import UTC, datetime, timedelta

from cleanlist import DeliveryAttempt

READ_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
WAITS = (1, 2, 4, 8)
HOOK = "https://Hooks.Example-3.test/cleanlist"


def attempt(workflow="public_bulk_1", number=1, *, code=500, at=READ_AT, url=HOOK, **facts):
    """One attempt; facts replace what it would have, None leaves a field out."""
    acknowledged = code is not None and 200 <= code < 300
    known = {
        "id": f"{workflow}-{url}-{number}-{at:%H%M%S%f}",
        "workflow_id": workflow,
        "attempt_number": number,
        "status": "success" if acknowledged else "failed",
        "response_status_code": code,
        "error_message": None if acknowledged else f"HTTP {code}",
        "url": url,
        "duration_ms": 120,
        "attempted_at": at,
    }
    return DeliveryAttempt(**{**known, **facts})


def run(workflow="public_bulk_1", codes=(500,) * 5, *, start=None, **facts):
    """A delivery's attempts with upstream's waits between them; by default it began ten minutes ago."""
    at, found = start or READ_AT - timedelta(minutes=10), []
    for number, code in enumerate(codes, 1):
        found.append(attempt(workflow, number, code=code, at=at, **facts))
        at += timedelta(milliseconds=120, seconds=WAITS[min(number, 4) - 1])
    return found
