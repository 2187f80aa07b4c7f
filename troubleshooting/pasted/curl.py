"""Reads a curl command that somebody pasted, by the shell's rules. Its secrets are marks already."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Options that take a value and say nothing that matters here.
_WITH_VALUE = {"-o", "--output", "-A", "--user-agent", "-e", "--referer", "-m", "--max-time", "--retry", "-w", "-x"}
_DATA = {"-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"}
_CURL = re.compile(r"\bcurl\s")
# A part of a word by the shell's rules: quoted in one way or the other, escaped, plain; or the blanks between words.
# What is between double quotes is never given back, so that a missing one is noticed once.
_PART = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*+)"|\\(.)|([^ \t\r\n'"\\]+)|([ \t\r\n]+)""", re.DOTALL)
_CONTINUED = re.compile(r"\\\r?\n")
_ESCAPED = re.compile(r"""\\(["\\])""")
_KNOWN = {"-H", "--header", "-X", "--request", "-u", "--user", "--url", *_DATA, *_WITH_VALUE}


@dataclass
class CurlCommand:
    """What a curl command would send."""

    method: str = ""
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    uses_basic: bool = False

    @property
    def endpoint(self) -> str:
        """Return method and path, such as "POST /api/v1/public/enrich/bulk"; empty without a URL."""
        try:
            path = urlsplit(self.url).path
        except ValueError:
            path = ""
        return f"{self.method or ('POST' if self.data else 'GET')} {path}"[:200] if path else ""

    @property
    def body(self) -> str:
        """Return what is sent; empty where it comes from a file or there is nothing."""
        return "" if any(part.startswith("@") for part in self.data) else "&".join(self.data)


def parse_curl(text: str) -> CurlCommand | None:
    """Return the first curl command in ``text``, or None where there is none that a shell could read."""
    found = _CURL.search(text)
    if found is None:
        return None
    try:
        words = list(_words(_CONTINUED.sub(" ", text[found.start() :])))
    except ValueError:
        return None
    command, rest = CurlCommand(), iter(words[1:])
    for word in rest:
        _take(command, word, rest)
    return command


def _words(text: str) -> Iterator[str]:
    """Yield the words of a command in time proportional to its length, which ``shlex`` is not for long words.

    Raises ValueError where a quote is not closed.
    """
    parts: list[str] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError("A quote or an escape is not closed")
        at = part.end()
        single, double, escaped, plain, blanks = part.groups()
        if blanks is None:
            given = (single, escaped, plain, None if double is None else _ESCAPED.sub(r"\1", double))
            parts.append(next(text for text in given if text is not None))
        elif parts:
            yield "".join(parts)
            parts = []
    if parts:
        yield "".join(parts)


def _take(command: CurlCommand, word: str, rest: Iterator[str]) -> None:
    """Take one option with its value, which may be the first of ``rest``, or the URL."""
    name, value = _split(word)
    if name is None:
        if not word.startswith("-") and not command.url:
            command.url = word
        return
    _note(command, name, next(rest, "") if value is None else value)


def _split(word: str) -> tuple[str | None, str | None]:
    """Return an option's name, and its value where that is in the same word: ``-XPOST``, ``--request=POST``."""
    if word in _KNOWN:
        return word, None
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals and name in _KNOWN else (None, None)
    return (word[:2], word[2:]) if word[:2] in _KNOWN else (None, None)


def _note(command: CurlCommand, name: str, value: str) -> None:
    if name in {"-H", "--header"}:
        header, _, content = value.partition(":")
        command.headers.append((header.strip(), content.strip()))
    elif name in {"-X", "--request"}:
        command.method = value.upper()[:10]
    elif name in {"-u", "--user"}:
        command.uses_basic = True
    elif name == "--url":
        command.url = value
    elif name in _DATA:
        command.data.append(value)
