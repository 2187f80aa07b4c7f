"""Writes the patterns of ``troubleshooting/pasted/secret_patterns.py`` into the browser's script: ``make patterns``."""

import re
from pathlib import Path

from troubleshooting.pasted import secret_patterns

SCRIPT = Path(__file__).resolve().parent.parent / "static" / "js" / "strip_secrets.js"
_WRITTEN = re.compile(r"(?<=\n)(  // Written by [^\n]*\n).*(?=  // The end of what is written\.\n)", re.DOTALL)

# What is shorter in a script, whose weight counts.
_ESCAPE = re.compile(r"\\.|\[(?:\^\\s| )\]", re.DOTALL)
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
    source = re.sub(
        r"\\u([0-9a-f]{4})", lambda found: char if (char := chr(int(found[1], 16))).isalpha() else found[0], source
    )
    flags = "i" if pattern.flags & re.IGNORECASE else ""
    if pattern in secret_patterns.IN_WHOLE_TEXTS:
        return f"/^(?:{source})$/{flags}"
    if pattern in secret_patterns.AT_THE_BEGINNING:
        return f"/^{source}/{flags}"
    if pattern in secret_patterns.AT_A_PLACE:
        return f"/{source}/y{flags}"
    return f"/{source}/{flags}" if pattern in secret_patterns.ONCE else f"/{source}/g{flags}"


if __name__ == "__main__":
    SCRIPT.write_text(with_patterns(SCRIPT.read_text()))
