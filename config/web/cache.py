"""The cache in Redis stores JSON: Django's default, pickle, would run code from whoever can write there."""

import json
import time

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ResponseError

_HISTORIES = "allauth:rl:"  # prefix of django-allauth's lists of attempts, newest first
_LOCK = ":lock"
_CLOCKS_DIFFER = 300  # maximum clock difference between machines, in seconds
_NO_LIST_IS_LONGER = 1000


class JsonSerializer:
    """Django's cache serializer for values that survive JSON unchanged: counters, times, flags, lists of them."""

    def dumps(self, value: object) -> str:
        """Return ``value`` as JSON. Raises TypeError if JSON would change it."""
        text = json.dumps(value, allow_nan=False)
        if json.loads(text) != value:
            raise TypeError(f"A {type(value).__name__} cannot be cached: JSON would change it.")
        return text

    def loads(self, data: bytes) -> object:
        """Return the value that ``dumps`` wrote. Raises ValueError for anything that is not JSON."""
        return json.loads(data)


class Cache(RedisCache):
    """Treats a value that the console cannot have written as missing, so that it breaks nothing for long."""

    def get(self, key: str, default: object = None, version: int | None = None) -> object:
        """Return the value, or ``default``; delete an unusable value."""
        try:
            value = super().get(key, default, version)
            if value is default or _can_be_used(key, value):
                return value
        except (ValueError, RecursionError):
            pass
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
        self.delete(key, version)
        return default


def _can_be_used(key: str, value: object) -> bool:
    if not key.startswith(_HISTORIES) or key.endswith(_LOCK):
        return True
    latest = time.time() + _CLOCKS_DIFFER  # noqa: TID251 - as allauth dates them
    return (
        isinstance(value, list)
        and len(value) <= _NO_LIST_IS_LONGER
        and all(type(timestamp) in {int, float} and 0 <= timestamp <= latest for timestamp in value)
    )
