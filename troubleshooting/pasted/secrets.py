"""Removes secrets from pasted text and leaves markers that describe them.

``static/js/strip_secrets.js`` does the same in the browser, before anything is sent; a test holds the two together.
Here it is done once more, for whoever sends a form without that script. A mark looks like
``[key-removed:clapi_AbCd…wXyZ,70-characters]``: it has no spaces and no quotes, so that a command stays readable to a
shell's rules. The ends are named only where the browser knows them from the console's own list of keys.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from cleanlist.secret_formats import KEY_LENGTH, KEY_PREFIXES
from troubleshooting.pasted import secret_patterns as patterns

_ENTITIES = {"quot": '"', "apos": "'", "nbsp": " ", "lt": "<", "gt": ">"}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_IN_VIEW = {0xA0: " ", 0xAD: ""}
_UNESCAPED = {quote: re.compile(rf"(?<!\\){quote}") for quote in ("'", '"', "`")}
_MARK = re.compile(
    r"\[key-removed:(clapi_|clext_|other)(?:([\w-]{4})…([\w-]{4}))?,(\d{1,6})-characters(,spaces)?(,dash)?(,odd)?\]",
    re.ASCII,
)
_END_OF_MARK = re.compile(r"(?<=characters)\]")
_SEPARATORS = "\t|;,"
_SHOWN = 4  # characters behind the prefix that lists show
_SHORTEST_PART, _OTHER_PART, _LONG_PART, _LONGEST_TOKEN = 6, 8, 12, 4000


@dataclass(frozen=True)
class RemovedKey:
    """What is known of a key that was taken out; ``prefix`` and ``last4`` are empty unless the browser knew it."""

    start: str
    prefix: str
    last4: str
    length: int
    has_spaces: bool
    has_odd_characters: bool
    has_dash: bool = False

    @classmethod
    def first_in(cls, text: str) -> Self | None:
        """Return the first mark in ``text``; None where there is none."""
        found = _MARK.search(text)
        if found is None:
            return None
        start, prefix, last4, length, spaces, dash, odd = found.groups()
        whole = f"{start}{prefix}" if prefix else ""
        return cls(start, whole, last4 or "", int(length), bool(spaces), bool(odd), bool(dash))


@dataclass(frozen=True)
class StrippedText:
    """Text without secrets; ``found`` says that there was one here, although the browser should have taken it out."""

    text: str
    found: bool


@dataclass(frozen=True)
class DecodedText:
    """A text, and what it is decoded; ``decoded`` and ``original`` are places behind each of which they run alike."""

    source: str
    text: str
    decoded: list[int]
    original: list[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """Decode ``text``."""
        parts, decoded, original = [], [0], [0]
        at = length = 0
        for found in patterns.ENCODED.finditer(text):
            character = _character(found)
            length += found.start() - at
            decoded += [length, length + len(character)]
            original += [found.start(), found.end()]
            parts += [text[at : found.start()], character]
            at, length = found.end(), length + len(character)
        return cls(text, "".join([*parts, text[at:]]), decoded, original)

    def start(self, at: int) -> int:
        """Return where in the text itself what begins at a place of the decoded one begins."""
        index = bisect_right(self.decoded, at) - 1
        return self.original[index] + at - self.decoded[index]

    def end(self, at: int) -> int:
        """Return where what ends there ends: in front of what is decoded to nothing, such as a tag behind it."""
        index = bisect_left(self.decoded, at)
        return self.original[index] if self.decoded[index : index + 1] == [at] else self.start(at)


def _character(found: re.Match[str]) -> str:
    percent, escaped, entity, decimal, named, octal, letter, blank, line = found.groups()
    if code := percent or escaped or entity:
        return chr(int(code, 16)).translate(_IN_VIEW)
    if decimal or octal:
        return chr(int(decimal) if decimal else int(octal, 8)).translate(_IN_VIEW)
    if named:
        return _ENTITIES[named.lower()]
    if blank or line:
        return " " if blank else "\n"
    return _ESCAPES.get(letter, letter) if letter else ""


def remove_secrets(text: str) -> StrippedText:
    """Return ``text`` with every key, token and password replaced by a mark.

    First tokens and keys, wherever they stand; then what is secret by its place; at last the net, without conditions.
    """

    def others(view: DecodedText) -> _Found:
        return _tokens_in(view.text, patterns.PERSONAL, "[secret-removed]")

    view = _replaced(DecodedText.of(text), lambda view: _matches_in(view.text, [patterns.IN_BYTES]))
    view = _replaced(view, lambda view: _tokens_in(view.text, patterns.TOKEN, "[token-removed]"))
    view = _replaced(view, lambda view: _keys_in(view.text))
    clean = _replaced(view, others, unless=patterns.WHOLE_TOKEN).source
    clean = patterns.HEADER.sub(_header, clean)
    clean = patterns.OPTION.sub(r"\1\2[secret-removed]", clean)
    clean = patterns.SESSION_TOKEN.sub(lambda found: "[token-removed]" if found[1] else found[0], clean)
    for pattern in (patterns.FIELD, patterns.QUERY, patterns.BEARER):
        clean = pattern.sub(r"\1[secret-removed]", clean)
    alone = patterns.EDGES.sub("", clean)
    if patterns.ALONE.fullmatch(alone) and not patterns.ID.fullmatch(alone):
        clean = key_marker(alone)
    view = _replaced(DecodedText.of(_without_cells(clean)), others)
    view = _replaced(view, lambda view: _matches_in(patterns.MARK.sub(_blot, view.text), patterns.NET))
    clean = _without_cells(view.source)
    return StrippedText(clean, clean != text)


def key_marker(secret: str) -> str:
    """Return the marker that replaces a key."""
    start = next((each for each in KEY_PREFIXES if secret.startswith(each)), "other")
    spaces = ",spaces" if patterns.SPACE.search(secret) else ""
    dash = ",dash" if patterns.DASH.search(secret) else ""
    odd = ",odd" if patterns.ODD.search(secret) else ""
    return f"[key-removed:{start},{len(secret)}-characters{spaces}{dash}{odd}]"


_Found = Iterator[tuple[int, int, str]]  # where it begins and ends, and what takes its place


def _replaced(
    view: DecodedText, find: Callable[[DecodedText], _Found], unless: re.Pattern[str] | None = None
) -> DecodedText:
    """Return the text with what is found in its decoded form replaced where it stands in it.

    What stands there just as ``unless`` has it stays.
    """
    parts, at = [], 0
    for start, end, mark in find(view):
        begins, ends = view.start(start), view.end(end)
        if unless is None or not unless.fullmatch(view.source, begins, ends):
            odd = patterns.UNSEEN.search(view.source, begins, ends)
            parts += [view.source[at:begins], _END_OF_MARK.sub(",odd]", mark) if odd else mark]
            at = ends
    return DecodedText.of("".join([*parts, view.source[at:]])) if parts else view


def _keys_in(text: str) -> _Found:
    for at, start, end, count in _secrets_in(text, patterns.KEY, patterns.KEY_PART, KEY_LENGTH - len(KEY_PREFIXES[0])):
        if count > _SHOWN and not patterns.PLACEHOLDER.fullmatch(text, start, end):
            yield at, end, key_marker(text[at:end])


def _tokens_in(text: str, pattern: re.Pattern[str], mark: str) -> _Found:
    for at, _, end, count in _secrets_in(text, pattern, patterns.TOKEN_PART, 0):
        token = text[at:end].rstrip(".")
        before = text[max(0, at - KEY_LENGTH) : at]
        has_dot = pattern is patterns.TOKEN and "." in token
        if has_dot or (count > _LONG_PART and not patterns.IN_KEY.search(before)):
            yield at, at + len(token), mark


def _secrets_in(text: str, pattern: re.Pattern[str], part: re.Pattern[str], whole: int) -> Iterator[tuple[int, ...]]:
    """Yield where each begins, where it goes on behind what it begins with, where it ends, and how long that is."""
    end = 0
    while found := pattern.search(text, end):
        end, count = _end_of(text, found.end(), part, whole)
        yield found.start(), found.end(), end, count


def _end_of(text: str, at: int, part: re.Pattern[str], whole: int) -> tuple[int, int]:
    """Return where a secret ends that may be broken, and how many characters it has.

    Its next part belongs to it if that completes it to the ``whole``, or is long enough and no word, id or other key.
    Of a token, whose length nobody knows (``whole`` is 0), parts are on lines of their own, or quoted for themselves.
    """
    end = _end_of_part(part, text, at)
    count = end - at
    while (count < whole or not whole) and count < _LONGEST_TOKEN and (gap := patterns.GAP.match(text, end)):
        behind = _end_of_part(part, text, gap.end())
        more = text[gap.end() : behind]
        least = _SHORTEST_PART if count + len(more) <= whole else _LONG_PART if whole else _OTHER_PART
        is_part = len(more) >= least and not patterns.WORDS.fullmatch(more) and not patterns.OTHER_ID.fullmatch(more)
        fits = bool(whole) or patterns.BREAK.search(gap[0]) is not None
        if not more or more.startswith(KEY_PREFIXES) or not (count + len(more) == whole or (is_part and fits)):
            break
        end, count = behind, count + len(more)
    return end, count


def _end_of_part(part: re.Pattern[str], text: str, at: int) -> int:
    found = part.match(text, at)
    return found.end() if found else at


def _matches_in(text: str, net: Iterable[re.Pattern[str]]) -> _Found:
    """Yield what the net catches, in order; what overlaps is one."""
    spans = sorted(
        (found.end() - len(found[found.lastindex or 0]), found.end())
        for pattern in net
        for found in pattern.finditer(text)
        if not (found.lastindex and patterns.STANDS_FOR.match(text, found.start(found.lastindex)))
    )
    last = 0
    for start, end in spans:
        if start >= last:
            yield start, end, "[secret-removed]"
            last = end
        elif end > last:
            yield last, end, ""
            last = end


def _without_cells(text: str) -> str:
    """Take out the secrets in the columns of tables whose headings say that they are secrets."""
    sign, headings, lines = "", list[str](), text.split("\n")
    for at, line in enumerate(lines):
        cells = line.split(sign) if sign else []
        is_row = bool(cells) and len(cells) == len(headings)
        if is_row:
            lines[at] = sign.join(map(_without_cell, headings, cells))
        other = next((each for each in _SEPARATORS if each in line and _has_heading(line.split(each))), "")
        if not is_row or (other and other != sign):
            sign, headings = other, line.split(other) if other else []
    return "\n".join(lines)


def _has_heading(cells: list[str]) -> bool:
    return any(map(patterns.HEADING.fullmatch, cells))


def _without_cell(heading: str, cell: str) -> str:
    found = patterns.CELL.match(cell) if patterns.HEADING.fullmatch(heading) else None
    if found is None or patterns.STANDS_FOR.match(found[1]):
        return cell
    return f"{cell[: found.start(1)]}[secret-removed]{cell[found.end() :]}"


def _blot(mark: re.Match[str]) -> str:
    """Return what the net takes for the beginning of a mark, at each place of one."""
    return "[" * len(mark[0])


def _header(found: re.Match[str]) -> str:
    quote, name, colon, rest = found.groups()
    before = patterns.BEFORE_VALUE.match(rest)
    start = before.end() if before else 0
    value = rest[start:]
    end = _end_of_value(quote, colon, value)
    return f"{quote}{name}{colon}{rest[:start]}{_without_credential(name, value[:end])}{value[end:]}"


def _end_of_value(quote: str, colon: str, rest: str) -> int:
    """Return where in the rest of its line the header's value ends."""
    is_quoted = rest[:1] in _UNESCAPED
    closing = _UNESCAPED[rest[0]].search(rest, 1) if is_quoted else None
    if colon[0] not in "'\"":
        if quote:
            closing = _UNESCAPED[quote].search(rest)
            return closing.start() if closing else len(rest)
        if closing and patterns.BEHIND.match(rest, closing.end()):
            return closing.end()
        return len(rest.removesuffix("\\").rstrip(" \t"))
    # The name is quoted for itself, as in JSON and in code.
    end = closing or patterns.END_OF_WORD.search(rest)
    return closing.end() if closing else end.start() if end else len(rest)


def _without_credential(name: str, value: str) -> str:
    if name.lower().endswith("cookie"):
        # With its quotes, so that what stands behind it isn't taken for a part of it another time.
        quote = value[0] if value[:1] in _UNESCAPED and value[1:].endswith(value[0]) else ""
        return value if patterns.STAND_IN.fullmatch(value) else f"{quote}[secret-removed]{quote}"
    opening = patterns.OPENING.match(value)
    before, scheme = (opening[0], opening[1] or "") if opening else ("", "")
    is_digest = scheme.strip(" \t").lower() == "digest"
    closing = (patterns.END_OF_DIGEST if is_digest else patterns.CLOSING).search(value, len(before))
    credential = value[len(before) : closing.start() if closing else None]
    if not credential or patterns.MARKED.search(credential) or patterns.STAND_IN.fullmatch(credential):
        return value
    left = key_marker(patterns.EDGES.sub("", credential))
    token = patterns.SESSION_TOKEN.fullmatch(credential)
    if scheme.strip(" \t").lower() in {"basic", "digest"}:
        left = "[secret-removed]"
    elif token and token[1]:
        left = "[token-removed]"
    return f"{before}{left}{closing[0] if closing else ''}"
