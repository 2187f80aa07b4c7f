"""When a poll runs again."""

import random
from datetime import timedelta

from cleanlist.errors import CleanlistError, FeatureGated, InsufficientScope, RateLimited

LONGEST_SECONDS = 15 * 60


def _spread(seconds: float) -> timedelta:
    # Up to a tenth later, so that workspaces that began together drift apart.
    return timedelta(seconds=seconds * (1 + random.random() / 10))  # noqa: S311 - not a secret


def after_success(interval_seconds: int) -> timedelta:
    """Return the wait until the next regular poll."""
    return _spread(interval_seconds)


def after_failure(interval_seconds: int, failures: int, error: CleanlistError) -> timedelta:
    """Return the wait after ``failures`` failed polls in a row: doubling from the interval, 15 minutes at most.

    A rate limit waits as long as upstream asked for. A plan or scope that forbids the call will not change within
    a minute, so it is tried again at the longest wait only.
    """
    if isinstance(error, RateLimited) and error.retry_after:
        return _spread(min(error.retry_after, LONGEST_SECONDS))
    if isinstance(error, FeatureGated | InsufficientScope):
        return _spread(LONGEST_SECONDS)
    doubled = interval_seconds * 2 ** min(failures - 1, 10)
    return _spread(min(doubled, LONGEST_SECONDS))
