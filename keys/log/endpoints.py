"""Maps the path of a request to its endpoint, which keeps rollups small."""

import re
from functools import lru_cache
from itertools import takewhile

LONGEST = 200
_ID = "{id}"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Generated ids: numbers, hexadecimal digests, long segments with a digit, and very long ones. "v1" is kept.
_LOOKS_GENERATED = re.compile(r"[0-9]+|(?=.*[0-9])[0-9a-f]{12,}|(?=.*[0-9]).{20,}|.{65,}", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def endpoint_of(path: str) -> str:
    """Return ``path`` without its query and with each id as ``{id}``. Always begins with a slash."""
    bare = re.split(r"[?#;]", path, maxsplit=1)[0]
    segments = [_collapsed(segment) for segment in bare.split("/") if segment]
    return ("/" + "/".join(segments))[:LONGEST]


@lru_cache(maxsize=4096)
def path_prefix(path: str) -> str | None:
    """Return ``path`` up to its first id or its query; None if it has neither, so that it is its own endpoint."""
    endpoint = endpoint_of(path)
    if endpoint == path:
        return None
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(path, endpoint.split(_ID)[0], strict=False))
    return "".join(letter for letter, _ in alike)


def _collapsed(segment: str) -> str:
    return _ID if _UUID.search(segment) or _LOOKS_GENERATED.fullmatch(segment) else segment
