"""A body with too many contacts, as several that the API takes."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.troubleshooting.body import MAX_CONTACTS, BodyVerdict

# Same contacts, same file: a ZIP would otherwise hold the time at which it was made.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def can_be_split(verdict: BodyVerdict) -> bool:
    """Say whether too many contacts are all that keeps the API from taking a body."""
    return verdict.status == 400 and verdict.contacts > MAX_CONTACTS


def bodies_of(text: str) -> Iterator[str]:
    """Yield ``text`` as bodies of up to 250 contacts, otherwise the same. It must be one that can be split."""
    body: dict[str, Any] = json.loads(text.encode("utf-8", "surrogatepass"))
    contacts = body["contacts"]
    for start in range(0, len(contacts), MAX_CONTACTS):
        yield json.dumps(body | {"contacts": contacts[start : start + MAX_CONTACTS]})


def as_lines(bodies: Iterable[str]) -> Iterator[str]:
    """Yield one body a line."""
    return (f"{body}\n" for body in bodies)


def as_zip(files: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Yield a ZIP of files (name, text), each compressed when its turn comes."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            about = zipfile.ZipInfo(name, _NO_TIME)
            about.external_attr = 0o600 << 16
            archive.writestr(about, text, zipfile.ZIP_DEFLATED)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What ``zipfile`` writes to, knowing that it cannot go back; hands over what was written."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        written, self._written = b"".join(self._written), []
        return written
