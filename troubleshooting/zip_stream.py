"""Files as a ZIP that is sent while it is made."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

# The same files, the same archive: a ZIP would otherwise hold the time at which it was made.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def stream_zip(files: Iterable[tuple[str, str]]) -> Iterator[bytes]:
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
