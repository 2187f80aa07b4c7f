"""Whether this worker was told to end. It takes nothing new then, and gives back what does not finish soon."""

import multiprocessing
import time

# Well within the ten seconds that supervisors usually leave before they kill.
PATIENCE_SECONDS = 3.0
# Shared with the processes that a worker forks: the signal arrives at the first of them only. Without a lock,
# because it is written in a signal's handler.
_asked_at = multiprocessing.get_context("fork").RawValue("d", 0.0)


def request() -> None:
    """Have the engine come to its end. The moment counts from the first time."""
    if not _asked_at.value:
        _asked_at.value = time.monotonic()


def reset() -> None:
    """Forget that the end was asked for; a process that begins starts so."""
    _asked_at.value = 0.0


def requested() -> bool:
    """Return whether nothing new should be begun."""
    return bool(_asked_at.value)


def overdue() -> bool:
    """Return whether what is still on its way should be given back."""
    return requested() and time.monotonic() - _asked_at.value > PATIENCE_SECONDS
