"""What most answers of the newer surface carry beside their content."""

import datetime as dt
import time

from pydantic import BaseModel, Field


def now_ms() -> int:
    """Return the current time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def iso(time_: dt.datetime | None) -> str | None:
    """Return a time in ISO 8601 with a Z."""
    return None if time_ is None else time_.isoformat().replace("+00:00", "Z")


class Envelope(BaseModel):
    """The fields of the envelope; `task_id` names a cohort."""

    task_id: str | None = None
    timestamp_ms: int | None = Field(default_factory=now_ms)
    agent_instructions: str | None = None
    usage: str | None = None
    message: str | None = None
