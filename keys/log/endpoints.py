"""From the path of one request to the endpoint that it belongs to, so that rollups stay small."""

import re
from functools import lru_cache
from itertools import takewhile

LONGEST = 200
_ID = "{id}"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Numbers, hexadecimal digests, and anything long with a digit in it, as generated ids are. "v1" stays.
_LOOKS_GENERATED = re.compile(r"[0-9]+|(?=.*[0-9])[0-9a-f]{12,}|(?=.*[0-9]).{20,}|.{65,}", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def endpoint_of(path: str) -> str:
    """Return ``path`` without its query and with ids as ``{id}``; it always begins with a slash."""
    bare = re.split(r"[?#;]", path, maxsplit=1)[0]
    segments = [_collapsed(segment) for segment in bare.split("/") if segment]
    return ("/" + "/".join(segments))[:LONGEST]


@lru_cache(maxsize=4096)
def path_prefix(path: str) -> str | None:
    """Return how ``path`` begins, up to its first id or its query; None where it has neither and is its endpoint."""
    endpoint = endpoint_of(path)
    if endpoint == path:
        return None
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(path, endpoint.split(_ID)[0], strict=False))
    return "".join(letter for letter, _ in alike)


def _collapsed(segment: str) -> str:
    return _ID if _UUID.search(segment) or _LOOKS_GENERATED.fullmatch(segment) else segment
