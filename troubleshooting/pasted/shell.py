"""Splits a command into words, by the rules of the shell that it was written for. All take linear time."""

import re
from collections.abc import Iterator

# A part of a word by the shell's rules: quoted in one way or the other, escaped, plain; or the blanks between words.
# What is between double quotes is never given back, so that a missing one is noticed once.
_PART = re.compile(
    r"""\$'((?:[^'\\]|\\.)*+)'|'([^']*)'|\$?"((?:[^"\\]|\\.)*+)"|\\(.)|(\$?[^ \t\r\n'"\\|;$]+|\$)|([|;])"""
    r"""|([ \t\r\n]+)""",
    re.DOTALL,
)
_CONTINUED = re.compile(r"[\\`^][ \t]*\r?\n")
_ESCAPED = re.compile(r"""\\(["\\$`])""")
_ANSI = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
# What cmd.exe escapes; in the form that browsers copy, quotes inside of quotes have a backslash of their own.
_CARET = re.compile(r"\^(\r?\n|.)", re.DOTALL)
_CMD = re.compile(r"\^[\"&%{}|<>^\[\],\\]|\^\r?\n")
_POWERSHELL_ESCAPE = re.compile(r"`(.)", re.DOTALL)
END = "\x00"  # where a command ends and another one begins


def shell_words(text: str) -> list[str]:
    """Return the words of the command at the beginning of ``text``.

    Raises ValueError where a quote is not closed.
    """
    if _CMD.search(text):
        text = _without_carets(text)
    words: list[str] = []
    for word in _words(_CONTINUED.sub(" ", text)):
        if word == END:
            break
        words.append(word)
    return words


def _without_carets(text: str) -> str:
    return _CARET.sub(lambda found: " " if found[1].endswith("\n") else found[1], text)


def _words(text: str) -> Iterator[str]:
    """Yield words in time proportional to the text's length, which ``shlex`` is not for long words."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError("A quote or an escape is not closed")
        at = part.end()
        ansi, single, double, escaped, plain, end, _ = part.groups()
        given = (
            _ANSI.sub(_ansi, ansi) if ansi is not None else None,
            single,
            escaped,
            plain,
            None if double is None else _ESCAPED.sub(r"\1", double),
        )
        text_of_part = next((each for each in given if each is not None), None)
        if text_of_part is not None:
            parts.append(text_of_part)
            continue
        if parts:
            yield "".join(parts)
            parts = []
        if end:
            yield END
    if parts:
        yield "".join(parts)


def _ansi(found: re.Match[str]) -> str:
    if code := found[1] or found[2]:
        return chr(int(code, 16))
    return _LETTERS.get(found[3], found[3])
