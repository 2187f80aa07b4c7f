"""Whether this worker is shutting down. It then takes no new polls, and gives back those that do not finish soon."""

import multiprocessing
import time

# Well within the ten seconds that supervisors usually wait before they kill a process, and the 3.5 of `manage.py up`: a
# busy machine takes a second or two to end the rest.
PATIENCE_SECONDS = 2.0
# In memory common to all processes of a worker, because only its main process gets the signal. Without a lock, because
# a signal handler writes it.
_asked_at = multiprocessing.get_context("fork").RawValue("d", 0.0)


def request() -> None:
    """Ask the engine to stop. Repeated calls do not extend the deadline."""
    if not _asked_at.value:
        _asked_at.value = time.monotonic()


def reset() -> None:
    """Clear the request, for a worker that starts."""
    _asked_at.value = 0.0


def requested() -> bool:
    """Return whether no new work should be started."""
    return bool(_asked_at.value)


def overdue() -> bool:
    """Return whether calls in flight should be given back."""
    return requested() and time.monotonic() - _asked_at.value > PATIENCE_SECONDS
