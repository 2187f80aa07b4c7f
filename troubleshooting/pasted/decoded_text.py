"""Text with what is encoded in it decoded: percent signs, escapes of programs, entities; and without what is invisible.

A decoded place is known by its place in the text itself, so that what is found can be replaced there.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

from troubleshooting.pasted.secret_patterns import ENCODED

_ENTITIES = {"quot": '"', "apos": "'", "nbsp": " ", "lt": "<", "gt": ">"}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}


@dataclass(frozen=True)
class DecodedText:
    """The decoded text; ``decoded`` and ``original`` are places in both, behind each of which they run alike."""

    text: str
    decoded: list[int]
    original: list[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """Decode ``text``."""
        parts, decoded, original = [], [0], [0]
        at = length = 0
        for found in ENCODED.finditer(text):
            character = _character(found)
            length += found.start() - at
            decoded += [length, length + len(character)]
            original += [found.start(), found.end()]
            parts += [text[at : found.start()], character]
            at, length = found.end(), length + len(character)
        return cls("".join([*parts, text[at:]]), decoded, original)

    def place(self, at: int) -> int:
        """Return where in the text itself a place of the decoded one is."""
        index = bisect_right(self.decoded, at) - 1
        return self.original[index] + at - self.decoded[index]


def _character(found: re.Match[str]) -> str:
    percent, escaped, entity, decimal, named, letter, _ = found.groups()
    if code := percent or escaped or entity:
        return chr(int(code, 16))
    if decimal:
        return chr(int(decimal))
    if named:
        return _ENTITIES[named.lower()]
    return _ESCAPES.get(letter, letter) if letter else ""
