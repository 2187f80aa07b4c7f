"""Checks by the heartbeats of ``workspaces.polling.heartbeats`` whether the background work is running."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from config.health.cached import Cached
from core import clock
from workspaces.models import Heartbeat

# Longer than workers and beat need to start, or to recover after a restart of Redis.
LATE_SECONDS = 60
# The maximum age of a result that pages and probes show.
REMEMBERED_SECONDS = 5
# What nobody watches while a queue is not processed.
UNWATCHED = {
    "polling": "Cleanlist isn't being synced, so pages show older data.",
    "alerts": "Alert rules aren't checked, and no emails are sent.",
}


@dataclass(frozen=True)
class LivenessProblem:
    """A queue or the clock that is not running, why, and since when; ``since`` is None if it was never seen."""

    name: str
    reason: str
    since: datetime | None

    @property
    def title(self) -> str:
        """Return what is wrong, without the time."""
        return {
            "clock": "The clock isn't running",
            "busy": f"All workers of “{self.name}” are busy and falling behind",
            "stuck": f"Workers of “{self.name}” are running but not processing anything",
            "none": f"No worker processes “{self.name}”",
        }[self.reason]

    @property
    def consequence(self) -> str:
        """Return what nobody watches meanwhile."""
        if self.reason == "clock":
            return "No scheduled work runs: no syncing, no alert checks and no emails."
        if self.reason == "busy":
            return f"{UNWATCHED[self.name]} Start more workers or increase their concurrency (--concurrency)."
        return UNWATCHED[self.name]


@dataclass(frozen=True)
class Liveness:
    """The parts that are not running. ``is_known`` is False while a console that has just started cannot know yet."""

    troubles: tuple[LivenessProblem, ...] = ()
    is_known: bool = True

    @property
    def is_well(self) -> bool:
        """Return whether everything is known to be running."""
        return self.is_known and not self.troubles

    @property
    def since(self) -> datetime | None:
        """Return since when something has not been running, if known."""
        return min((one.since for one in self.troubles if one.since), default=None)


def current_liveness() -> Liveness:
    """Return the state of the background work, at most a few seconds old."""
    return _remembered()


def check_liveness() -> Liveness:
    """Return the current state, in two queries."""
    try:
        now, beats = clock.now(), list(Heartbeat.objects.all())
    except DatabaseError:
        return Liveness(is_known=False)
    troubles = tuple(_troubles(beats, now - timedelta(seconds=LATE_SECONDS)))
    # The process has just started, so what was never seen may still appear.
    if any(one.since is None for one in troubles) and time.monotonic() - _STARTED < LATE_SECONDS:
        return Liveness(is_known=False)
    return Liveness(troubles)


def has_workers(queue: str) -> bool:
    """Return whether any worker of ``queue`` is alive. Raises DatabaseError."""
    late = clock.now() - timedelta(seconds=LATE_SECONDS)
    alive = Heartbeat.objects.filter(kind=Heartbeat.Kind.WORKER, beat_at__gte=late)
    return any(queue in queues.split() for queues in alive.values_list("queues", flat=True))


def _troubles(beats: Sequence[Heartbeat], late: datetime) -> list[LivenessProblem]:
    seen = {(beat.kind, beat.name): beat.beat_at for beat in beats}
    workers = [beat for beat in beats if beat.kind == Heartbeat.Kind.WORKER and beat.beat_at >= late]
    ticked = seen.get((Heartbeat.Kind.CLOCK, "clock"))
    is_silent = ticked is None or ticked < late
    found = [LivenessProblem("clock", "clock", ticked)] if is_silent else []
    for name in settings.QUEUES:
        done = seen.get((Heartbeat.Kind.QUEUE, name))
        if done is not None and done >= late:
            continue
        theirs = [worker for worker in workers if name in worker.queues.split()]
        if not theirs:
            found.append(LivenessProblem(name, "none", done))
        elif all(worker.is_busy for worker in theirs):
            found.append(LivenessProblem(name, "busy", done))
        elif not is_silent:
            found.append(LivenessProblem(name, "stuck", done))
    return found


_STARTED = time.monotonic()
_remembered = Cached(check_liveness, REMEMBERED_SECONDS)


def clear_cache() -> None:
    _remembered.forget()
