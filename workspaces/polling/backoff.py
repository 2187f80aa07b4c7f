"""When a poll runs again."""

import random
from datetime import timedelta

from cleanlist.errors import FeatureGated, InsufficientScope, RateLimited
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, NotConnected

FIRST_SECONDS = 15
LONGEST_SECONDS = 15 * 60
# What only a person can change will not have changed within a minute.
_LASTING = (FeatureGated, InsufficientScope, NotConnected, AddressNotAllowed, DecryptionError)


def _spread(seconds: float) -> timedelta:
    # Up to a tenth later, so that workspaces that began together drift apart.
    return timedelta(seconds=seconds * (1 + random.random() / 10))  # noqa: S311 - not a secret


def after_success(interval_seconds: int) -> timedelta:
    """Return the wait until the next regular poll."""
    return _spread(interval_seconds)


def after_failure(interval_seconds: int, failures: int, error: Exception, longest: int | None = None) -> timedelta:
    """Return the wait after ``failures`` failed polls in a row, ``longest`` seconds at most, or 15 minutes.

    It doubles from a quarter of a minute, however long the interval is: what could not be read once must be read
    soon. A rate limit waits as long as upstream asked for; what only a person can change is tried seldom.
    """
    if isinstance(error, RateLimited) and error.retry_after:
        return _spread(min(error.retry_after, LONGEST_SECONDS))
    if isinstance(error, _LASTING):
        return _spread(LONGEST_SECONDS)
    doubled = min(interval_seconds, FIRST_SECONDS) * 2 ** min(failures - 1, 10)
    return _spread(min(doubled, longest or LONGEST_SECONDS))
