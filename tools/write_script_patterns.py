"""Writes the patterns of ``troubleshooting/pasted/secret_patterns.py`` into the browser's script: ``make patterns``."""

import re
import unicodedata
from pathlib import Path

from troubleshooting.pasted import secret_patterns

SCRIPT = Path(__file__).resolve().parent.parent / "static" / "js" / "strip_secrets.js"
_WRITTEN = re.compile(r"(?<=\n)(  // Written by [^\n]*\n).*(?=  // The end of what is written\.\n)", re.DOTALL)

# What is shorter in a script, whose weight counts.
_ESCAPE = re.compile(r"\\.|\[(?:\^\\s| )\]", re.DOTALL)
_CODE = re.compile(r"(?<!\\)\\u([0-9a-f]{4})")
_BLANK = secret_patterns.BLANK
_BLANKS, _DIGITS = re.compile(r"\[\^?\\s\]"), re.compile(r"\[0-9\]|(?<=[\[\w^/])0-9")
_SHORTER = {r"\Z": "$", r"\"": '"', r"\'": "'", r"[^\s]": r"\S", "[ ]": " "}


def with_patterns(script: str) -> str:
    """Return the script with the patterns as they are now."""
    patterns = {name: value for name, value in vars(secret_patterns).items() if isinstance(value, re.Pattern)}
    named = {name: pattern for name, pattern in patterns.items() if pattern not in secret_patterns.NET}
    lines = "".join(f"  const {name} = {_literal(pattern)};\n" for name, pattern in named.items())
    net = "".join(f"    {_literal(pattern)},\n" for pattern in secret_patterns.NET)
    lines += f"  const NET = [\n{net}  ];\n"
    return _WRITTEN.sub(lambda found: found[1] + lines, script, count=1)


def _literal(pattern: re.Pattern[str]) -> str:
    source = _ESCAPE.sub(lambda found: _SHORTER.get(found[0], found[0]), pattern.pattern).replace("/", r"\/")
    source = _BLANKS.sub(lambda found: r"\S" if found[0][1] == "^" else r"\s", source.replace(_BLANK, r"\s"))
    source = _DIGITS.sub(r"\\d", source)
    if pattern.flags & re.IGNORECASE:
        source = source.replace("A-Za-z", "a-z").replace("a-fA-F", "a-f").replace("A-Fa-f", "a-f")
    source = _CODE.sub(lambda found: char if _is_shown(char := chr(int(found[1], 16))) else found[0], source)
    flags = "i" if pattern.flags & re.IGNORECASE else ""
    if pattern in secret_patterns.IN_WHOLE_TEXTS:
        return f"/^(?:{source})$/{flags}"
    if pattern in secret_patterns.AT_THE_BEGINNING:
        return f"/^{source}/{flags}"
    if pattern in secret_patterns.AT_A_PLACE:
        return f"/{source}/y{flags}"
    return f"/{source}/{flags}" if pattern in secret_patterns.ONCE else f"/{source}/g{flags}"


def _is_shown(character: str) -> bool:
    """Return whether a character is seen and can't be taken for another one, as a dash can."""
    return character.isalpha() or unicodedata.category(character) in {"Pi", "Pf", "Po", "So"}


if __name__ == "__main__":
    SCRIPT.write_text(with_patterns(SCRIPT.read_text()))
