"""Splits a program in any common language into literals, names and signs: just enough to find a request in it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

MOST_TOKENS = 20_000
_TOKEN = re.compile(
    r"""(?P<block>\"\"\"(?:.*?)(?:\"\"\"|\Z))|(?P<block2>\'\'\'(?:.*?)(?:\'\'\'|\Z))|(?P<raw>r\#"(?:.*?)(?:"\#|\Z))"""
    r"""|@?(?P<double>"(?:[#$\\][{(][^"{}()\n]{0,80}(?:[(\[]"[^"\n]{0,80}"[^"{}\n]{0,40}){1,2}(?:"[^"\n]{0,80}")?[)}]|`"|[^"\\]|\\.|""(?=[^\s,;:)\]}]))*+(?:"|\Z))"""
    r"""|(?P<body>'[ \t\r\n]*(?:\{|\[[ \t\r\n]*[{"])(?:[^'\\]|\\.)*+(?:'|\Z))"""
    r"""|(?P<single>'(?:[^'\\\r\n]|\\.)*+(?:'|(?=[\r\n])|\Z))|(?P<tick>`(?!\r?\n)(?:[^`\\]|\\.)*+(?:`|\Z))"""
    r"""|(?P<comment>(?<![^\s])(?://|\#[ !]|;;)[^\n]*)"""
    r"""|(?P<name>[A-Za-z_$][\w$]*(?:-[A-Za-z][\w$]*)*)|(?P<number>-?\d[\w.]*)"""
    r"""|(?P<sign>=>|:=|->|\+\+|<>|\.\.|\|\||//|[^\s])""",
    re.DOTALL,
)
_QUOTES = {"block": 3, "block2": 3, "raw": 3, "double": 1, "body": 1, "single": 1, "tick": 1}
_ESCAPE = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4})\}?|x([0-9a-fA-F]{2})|(\r?\n|.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\n": "", "\r\n": "", "(": "\\("}
JOINS = {"+", ".", "..", "&", "<>", "++", "~", "^", "||", "//"}


@dataclass(frozen=True)
class Token:
    """A string literal ("str"; its text without escapes, ``raw`` with them), a name, a number or a sign.

    ``quote`` tells how a literal is quoted: "double", "single", "tick" or another kind.
    """

    kind: str
    text: str
    raw: str = ""
    quote: str = ""


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of ``text``, without comments; literals that are joined are one."""
    tokens: list[Token] = []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "sign"
        if kind == "comment":
            continue
        if len(tokens) >= MOST_TOKENS:
            break
        if kind in _QUOTES:
            _add_literal(tokens, _literal(kind, found[kind]))
        else:
            tokens.append(Token(kind, found[kind]))
    return tokens


def _add_literal(tokens: list[Token], literal: Token) -> None:
    if len(tokens) > 1 and tokens[-1].text in JOINS and tokens[-1].kind == "sign" and tokens[-2].kind == "str":
        tokens.pop()
        before = tokens.pop()
        literal = replace(literal, text=before.text + literal.text, raw=before.raw + literal.raw)
    tokens.append(literal)


def _literal(kind: str, quoted: str) -> Token:
    raw = quoted[_QUOTES[kind] :]
    raw = raw.removesuffix('"#' if kind == "raw" else quoted[: _QUOTES[kind]])
    if kind in {"raw", "block", "block2"}:
        return Token("str", _ESCAPE.sub(_unescaped, raw) if kind != "raw" and '\\"' in raw else raw, raw, kind)
    text = raw
    if kind == "double" and '\\"' not in raw:
        text = raw.replace('`"', '"').replace('""', '"')
    return Token("str", _ESCAPE.sub(_unescaped, text), raw, kind)


def _unescaped(found: re.Match[str]) -> str:
    if code := found[1] or found[2]:
        return chr(int(code, 16))
    return _LETTERS.get(found[3], found[3])


_OPEN, _CLOSE = {"{": "}", "[": "]", "(": ")"}, set("}])")
_IS = {":", "=>", "=", "->", "to"}
_CONSTANTS: dict[str, object] = {
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None, "nil": None,
    "undefined": None, "NaN": None, "TRUE": True, "FALSE": False, "NULL": None,
}  # fmt: skip
_MAKES = {
    "array", "dict", "json", "JSON", "new", "hash", "mapOf", "listOf", "arrayOf", "List", "Map", "of", "list", "object",
    "Array", "NSDictionary", "json_encode", "Dict", "stringify", "f", "r", "b", "u",
}  # fmt: skip
_LISTS = {"array", "listOf", "arrayOf"}
_DEEPEST = 12


class NotLiteralError(Exception):
    """What was to be read depends on something that only the running program knows."""


def value_at(tokens: Sequence[Token], at: int, depth: int = 0) -> tuple[object, int]:
    """Return the value written at ``at``, and where it ends. Raises NotLiteralError."""
    while at < len(tokens) and (tokens[at].text in _MAKES or tokens[at].text in {".", "@", "%", "!", "&"}):
        if tokens[at].kind == "str":
            break
        at += 1
    if at >= len(tokens) or depth > _DEEPEST:
        raise NotLiteralError
    token = tokens[at]
    if token.kind == "str":
        return token.text, at + 1
    if token.kind == "number":
        return _number(token.text), at + 1
    if token.text in _CONSTANTS:
        return _CONSTANTS[token.text], at + 1
    if token.text in _OPEN:
        return _items(tokens, at, depth)
    raise NotLiteralError


def _number(text: str) -> object:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise NotLiteralError from None


def _items(tokens: Sequence[Token], at: int, depth: int) -> tuple[object, int]:
    """Read what is between brackets: pairs make an object, anything else an array."""
    is_list = at > 0 and tokens[at - 1].text in _LISTS
    closing, pairs, items = _OPEN[tokens[at].text], {}, []
    is_brace = closing == "}"
    at += 1
    while at < len(tokens) and tokens[at].text != closing:
        if tokens[at].kind == "sign" and tokens[at].text in {",", ";"}:
            at += 1
            continue
        if tokens[at].kind == "number" and at + 1 < len(tokens) and tokens[at + 1].text == "=>":
            at += 2  # the index of an item in PHP
            continue
        place = at + 1 if tokens[at].text == ":" else at  # a symbol
        if place + 1 < len(tokens) and tokens[place].kind in {"str", "name"} and tokens[place + 1].text in _IS:
            pairs[tokens[place].text], at = value_at(tokens, place + 2, depth + 1)
        elif place > at and place + 1 < len(tokens):  # a keyword of a Lisp
            pairs[tokens[place].text], at = value_at(tokens, place + 1, depth + 1)
        else:
            item, at = value_at(tokens, at, depth + 1)
            items.append(item)
    if at >= len(tokens):
        raise NotLiteralError
    if pairs and not items:
        return pairs, at + 1
    if len(items) == 1 and closing == ")" and not is_list:
        return items[0], at + 1
    return ({} if is_brace and not items else items), at + 1


def bracket_around(tokens: Sequence[Token], at: int) -> int | None:
    """Return where the bracket opens that ``at`` is in; None outside of any."""
    depth = 0
    for index in range(at - 1, -1, -1):
        if tokens[index].kind != "sign":
            continue
        if tokens[index].text in _CLOSE:
            depth += 1
        elif tokens[index].text in _OPEN:
            if depth == 0:
                return index
            depth -= 1
    return None


def is_pair(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a name with its value begins at ``at``."""
    if at + 1 >= len(tokens) or tokens[at + 1].kind == "str":
        return False
    return tokens[at + 1].text in _IS or (tokens[at - 1].text == ":" and tokens[at + 1].text in _OPEN)


def body_of(tokens: Sequence[Token]) -> str:
    """Return the body as JSON; empty where there is none, or the program puts it together."""
    for token in tokens:
        if token.kind == "str" and ("contacts" in token.text or "linkedin_url" in token.text):
            for text in (token.text, token.raw):
                if _is_object(text):
                    return text.strip()
    for at, token in enumerate(tokens):
        if token.text == "contacts" and token.kind in {"str", "name"} and is_pair(tokens, at):
            try:
                return _written(tokens, at)
            except NotLiteralError:
                continue
    return ""


def _written(tokens: Sequence[Token], at: int) -> str:
    start = bracket_around(tokens, at)
    place = at + 2 if tokens[at + 1].text not in "[{(" else at + 1
    value, _ = value_at(tokens, place) if start is None else value_at(tokens, start)
    whole = {"contacts": value} if start is None else value
    if not isinstance(whole, dict) or not isinstance(whole.get("contacts"), list):
        raise NotLiteralError
    return json.dumps(whole)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_ANY_QUOTES = {"single", "double", "tick"}
_OF_JS = re.compile(r"\baxios\b|\brequire\(|\bprocess\.env\b|(?<!\w)fetch\(")
_OF_PYTHON = re.compile(r"\b(?:requests|httpx)\.(?:get|post|put|patch|delete|request|Session|Client|AsyncClient)\(")
# In which languages a variable stays as it is, in which quotes, and what that mistake is called.
_KEPT: tuple[tuple[re.Pattern[str], set[str], re.Pattern[str], str], ...] = (
    (_OF_JS, {"single", "double"}, re.compile(r"\$\{\w"), "template"),
    (_OF_JS, _ANY_QUOTES, re.compile(r"(?i)bearer \{[a-z_]\w*\}"), "template"),
    (
        re.compile(r"<\?php|\bcurl_(?:setopt|init)|\bHttp::|GuzzleHttp|\$\w{1,30}->"),
        {"single"}, re.compile(r"\$\w"), "unexpanded",
    ),
    (
        re.compile(r"\bNet::HTTP\b|\bHTTParty\b|\bFaraday\b|\bRestClient\b"),
        {"single"}, re.compile(r"#\{\w"), "unexpanded",
    ),
    (_OF_PYTHON, {"single", "double"}, re.compile(r"(?<![{$#])\{\w"), "f_string"),
    (_OF_PYTHON, {"single", "double"}, re.compile(r"(?i)bearer %s"), "unformatted"),
    (re.compile(r"(?i)\bInvoke-(?:RestMethod|WebRequest)\b"), {"single"}, re.compile(r"\$\w"), "unexpanded"),
    (
        re.compile(r"\bDefaultRequestHeaders\b|\bHttpRequestMessage\b|\bnew RestRequest\("),
        {"double"}, re.compile(r"(?<![{$#])\{[A-Za-z_]\w*\}"), "interpolated",
    ),
    (re.compile(r"forHTTPHeaderField"), {"double"}, re.compile(r"(?<!\\)\([A-Za-z_]\w*\)"), "swift"),
    (re.compile(r"\bhttp\.NewRequest"), {"double", "tick"}, re.compile(r"(?i)bearer %[sv]"), "unformatted"),
)  # fmt: skip
_EXPANDS_ANY = re.compile(
    r"\.format(?:_map)?\(|\.[Rr]eplace(?:All)?\(|\bUri\.parse\(|\bpackage:|\bfinal |\bval |\bdef "
)  # Dart, Kotlin, Groovy
_FILLED = {"f", "rf", "fr", "$", "t"}  # in front of a literal
_ESCAPED = re.compile(r"\\\$\{?[A-Za-z_]")
_KNOWS_ESCAPES = re.compile(r"\bRequest\.Builder\(|\bUri\.parse\(|\bpackage:|" + _OF_JS.pattern)
_FORMATS = re.compile(r"printf|\bformat", re.IGNORECASE)


def kept_literals(tokens: Sequence[Token], text: str) -> Iterator[tuple[str, str]]:
    """Yield literals whose variables stay as they are written, each behind the name of that mistake."""
    if _KNOWS_ESCAPES.search(text):
        literals = (token for token in tokens if token.quote in {"double", "tick"})
        yield from (("escaped", token.text) for token in literals if _ESCAPED.search(token.raw))
    language = next((each[0] for each in _KEPT if each[0].search(text)), None)
    if language is None or _EXPANDS_ANY.search(text):
        return
    may_format = bool(_FORMATS.search(text)) or any(token.text == "%" and token.kind == "sign" for token in tokens)
    for _, quotes, sign, slip in (each for each in _KEPT if each[0] is language):
        if slip == "unformatted" and may_format:
            continue
        for before, token in zip([None, *tokens], tokens, strict=False):
            is_filled = before is not None and before.text.lower() in _FILLED
            if token.quote in quotes and sign.search(token.text) and not is_filled:
                yield slip, token.text
