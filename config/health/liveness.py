"""Whether the background work goes on, by the heartbeats of ``workspaces.polling.heartbeats``: the watcher, watched."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from config.health.cached import Cached
from core import clock
from workspaces.models import Heartbeat

# Longer than workers and clock take to start, or to come back after Redis was restarted.
LATE_SECONDS = 60
# How old an answer may be that pages and probes show.
REMEMBERED_SECONDS = 5
# What is not watched while a queue's work is not done.
UNWATCHED = {
    "polling": "Nothing is read from Cleanlist, so what pages show is of then.",
    "alerts": "No alert rule is looked at, and no e-mail is sent.",
}


@dataclass(frozen=True)
class LivenessProblem:
    """What does not go on: a queue or the clock, why, and since when; ``since`` is None where it was never seen."""

    name: str
    reason: str
    since: datetime | None

    @property
    def title(self) -> str:
        """Return what is wrong, without the time."""
        return {
            "clock": "The clock is silent",
            "busy": f"All workers of “{self.name}” are busy and get behind",
            "stuck": f"Workers of “{self.name}” live, but nothing gets done",
            "none": f"No worker takes work from “{self.name}”",
        }[self.reason]

    @property
    def consequence(self) -> str:
        """Return what is not watched."""
        if self.reason == "clock":
            return "Nothing is begun: nothing is read, no alert rule is looked at, and no e-mail is sent."
        if self.reason == "busy":
            return f"{UNWATCHED[self.name]} Start more workers, or give them more places (--concurrency)."
        return UNWATCHED[self.name]


@dataclass(frozen=True)
class Liveness:
    """What does not go on. ``is_known`` is False before a console that has just started can know."""

    troubles: tuple[LivenessProblem, ...] = ()
    is_known: bool = True

    @property
    def is_well(self) -> bool:
        """Return whether all of it is known to go on."""
        return self.is_known and not self.troubles

    @property
    def since(self) -> datetime | None:
        """Return since when not, if that is known."""
        return min((one.since for one in self.troubles if one.since), default=None)


def current_liveness() -> Liveness:
    """Return how the background work goes, as it was a few seconds ago at most."""
    return _remembered()


def check_liveness() -> Liveness:
    """Return how it goes now, in two queries."""
    try:
        moment, beats = clock.now(), list(Heartbeat.objects.all())
    except DatabaseError:
        return Liveness(is_known=False)
    troubles = tuple(_troubles(beats, moment - timedelta(seconds=LATE_SECONDS)))
    # Just started: what was never seen may be about to come.
    if any(one.since is None for one in troubles) and time.monotonic() - _STARTED < LATE_SECONDS:
        return Liveness(is_known=False)
    return Liveness(troubles)


def has_workers(queue: str) -> bool:
    """Return whether any worker that takes from ``queue`` lives. Raises DatabaseError."""
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
    """Clear the cached state."""
    _remembered.forget()
