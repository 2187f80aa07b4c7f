"""What the cache keeps in Redis: JSON, because Django's own choice, pickle, runs what whoever writes there wants."""

import json
from typing import Any


class JsonSerializer:
    """Django's cache serializer for values that are the same after JSON: counters, times, flags, lists of them."""

    def dumps(self, value: Any) -> str:
        """Return ``value`` as Redis keeps it. Raises TypeError for what would not come back as it was."""
        text = json.dumps(value, allow_nan=False)
        if json.loads(text) != value:
            raise TypeError(f"A {type(value).__name__} cannot be cached: JSON would change it.")
        return text

    def loads(self, data: bytes) -> Any:
        """Return the value that ``dumps`` wrote. Raises ValueError for anything that is not JSON."""
        return json.loads(data)
