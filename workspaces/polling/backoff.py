"""How long a poll waits before it runs again."""

import random
from datetime import timedelta

from cleanlist.errors import FeatureGated, InsufficientScope, RateLimited
from core.encryption import DecryptionError
from workspaces.credentials.clients import AddressNotAllowed, NotConnected

FIRST_SECONDS = 15
LONGEST_SECONDS = 15 * 60
# Only a person can fix these, so there is no point in retrying within a minute.
_LASTING = (FeatureGated, InsufficientScope, NotConnected, AddressNotAllowed, DecryptionError)


def _spread(seconds: float) -> timedelta:
    # Jitter of up to 10 %, so that workspaces that started together drift apart.
    return timedelta(seconds=seconds * (1 + random.random() / 10))  # noqa: S311 - not a secret


def after_success(interval_seconds: int) -> timedelta:
    return _spread(interval_seconds)


def after_failure(interval_seconds: int, failures: int, error: Exception, longest: int | None = None) -> timedelta:
    """Return the wait after ``failures`` failed polls in a row: at most ``longest`` seconds, or 15 minutes.

    It doubles from 15 seconds even if the interval is long, because failed data should be read soon. A rate limit waits
    as long as upstream asks for, up to 15 minutes; errors that only a person can fix always wait 15 minutes.
    """
    if isinstance(error, RateLimited) and error.retry_after:
        return _spread(min(error.retry_after, LONGEST_SECONDS))
    if isinstance(error, _LASTING):
        return _spread(LONGEST_SECONDS)
    doubled = min(interval_seconds, FIRST_SECONDS) * 2 ** min(failures - 1, 10)
    return _spread(min(doubled, longest or LONGEST_SECONDS))
