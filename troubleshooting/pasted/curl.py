"""Reads the commands of curl and wget, and those of HTTPie, by the shell's rules. Their secrets are marks already."""

import json
import re
from collections.abc import Iterator
from itertools import islice

from troubleshooting.pasted.request import PastedRequest, split_answer

# Options that take a value and say nothing that matters here.
_WITH_VALUE = {
    "-o", "--output", "-A", "--user-agent", "-e", "--referer", "-m", "--max-time", "--retry", "-w", "--write-out", "-x",
    "--proxy", "-F", "--form", "--cert", "-E", "--key", "--cacert", "--url-query", "--connect-timeout", "--resolve",
    "-b", "--cookie", "-c", "--cookie-jar", "-T", "--upload-file", "--proxy-user", "-U", "--output-document",
    "--output-file",
    "-O", "--timeout", "--tries", "--password", "--http-password", "--limit-rate", "--interface", "--retry-delay", "-K",
    "--config", "--form-string", "--max-redirs", "-D", "--dump-header", "--auth-type", "--verify", "--session",
    "--ciphers", "--oauth2-bearer", "--max-filesize", "--noproxy", "-r", "--range", "-z", "--time-cond",
}  # fmt: skip
_DATA = {
    "-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json", "--body-data", "--post-data",
    "--data-urlencode", "--raw",
}  # fmt: skip
_NOT_OF_WGET = {"-d"}
_METHOD = {"-X", "--request", "--method"}
_UPLOADS = {
    "-F": "POST", "--form": "POST", "--form-string": "POST", "-T": "PUT", "--upload-file": "PUT", "--post-file": "POST",
}  # fmt: skip
_AS_QUERY = re.compile(r"--get|--head|-[a-zA-Z]{0,10}[GI][a-zA-Z]{0,10}")
_BASIC = {"-u", "--user", "-a", "--auth", "--http-user"}
_NOT_OF_HTTPIE = {"-F", "--form", "-b", "-d", "-x", "-m", "-c", "-e", "-E"}
_ELSEWHERE = {"-K", "--config", "--variable", "--expand-header", "--expand-url", "--expand-data"}
_UNKNOWN_WORD = re.compile(r"\$(?:\w++|\{\w++[^{}]*+\}|\(.*)", re.DOTALL)  # which may be any options
_POWERSHELL = re.compile(r"-(?:Uri|Headers|Method|Body)\b", re.IGNORECASE)
_NEXT = re.compile(r"(?<![\\^`])(?<![\\^`]\r)\n[ \t]*(?:[\w@:~./\\-]{0,80}[$#>%][ \t]*)?(?=(?:curl|wget)[ \t])")
_LINE_END = re.compile(r"(?<![\\^`])(?<![\\^`]\r)\n")
_HEADER = {"-H", "--header"}
_KNOWN = {"--post-file", *_HEADER, *_ELSEWHERE, "--url", *_METHOD, *_BASIC, *_DATA, *_WITH_VALUE}
# What follows a program's name in a command; a word behind it belongs to a sentence or to a message.
_ARGUMENT = (
    r"[\\^`][ \t]*\r?\n|[\"']?(?:https?:|-{1,2}\w|[$\[%<{]|localhost|:\d|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}[/:?\"'\s]"
    r"|[\w-]{1,63}(?::\d|/)|[\w.-]{1,99}$)|(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)[ \t]"
)
_COMMAND = re.compile(rf"(?:^|[\s;&|(`$])(curl|wget|https?|xh)(?:\.exe)?[ \t]+(?={_ARGUMENT})", re.IGNORECASE)
# What may stand in front of a command in its line; anything else is a sentence, in which it only is one with an option.
_BEFORE = re.compile(
    r"(?:^|[;&|(`$#>:\"'=])[ \t]*(?:(?:sudo|time|exec|env|nohup|then|do|else|RUN|CMD|"
    r"[A-Z_][A-Z0-9_]{0,60}=\S{0,200})[ \t]+){0,5}$"
    r"|^[ \t]*(?:\d{1,6}|[-*%])[ \t]+$"
)
_OPTION = re.compile(r"[ \t]-{1,2}[A-Za-z]")
_PLAIN_WORD = re.compile(r"[A-Za-z]+[,.?!]?")
_MOST_BEFORE, _FEW_WORDS = 300, 2
_ECHO = re.compile(r"\becho[ \t]+(?:-\w+[ \t]+)?'([^']*)'[ \t]*\|[ \t\\\r\n]*(?:https?|xh)\b")
_MOST_TRIES = 4  # words that look like a command in a text that is none
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_PLACE = re.compile(r"(?:https?://|:\d|localhost|(?<![\w.-])[\w-]+\.[\w-])\S*", re.IGNORECASE)
_ITEM = re.compile(r"([^:=@]{1,40}?)(:=@|=@|:=|==|=|:|@)(.*)", re.DOTALL)
# A part of a word by the shell's rules: quoted in one way or the other, escaped, plain; or the blanks between words.
# What is between double quotes is never given back, so that a missing one is noticed once.
_PART = re.compile(
    r"""\$'((?:[^'\\]|\\.)*+)'|'([^']*)'|\$?"((?:\$\([^()"]*+(?:"[^()"]*+"[^()"]*+)?\)|[^"\\]|\\.)*+)"|"""
    r"""\\(.)|(\$?[^ \t\r\n'"\\|;$]+|\$)|([|;])"""
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


def parse_curl(text: str) -> list[PastedRequest]:
    """Return the commands in ``text`` that send requests to Cleanlist, or else the first one that sends any.

    None where there is none that a shell could read. What is shown below a command is its answer.
    """
    requests = list(_requests(text))
    return [each for each in requests if "cleanlist" in each.url] or requests[:1]


def _requests(text: str) -> Iterator[PastedRequest]:
    for found in islice(_COMMAND.finditer(text), _MOST_TRIES):
        program = found[1].lower()
        if _is_in_sentence(text, found):
            continue
        read = _words_and_answer(text[found.start(1) :])
        if read is None:
            return
        words, answer = read[0][1:], read[1]
        request = None
        if program not in {"curl", "wget"}:
            request = _httpie(words, text[: found.start(1)])
        elif any(_POWERSHELL.match(word) for word in words):
            continue
        elif words and any(word.startswith(("-", "$")) or _PLACE.match(word) for word in words):
            request = _command(words, program)
        if request is not None:
            request.answer = answer
            _note_bearer(request)
            yield request


def _is_in_sentence(text: str, found: re.Match[str]) -> bool:
    """Return whether what looks like a command is a word of a sentence, such as "our curl https://… times out"."""
    start, end = found.span(1)
    line = text[start : text.find("\n", end) if "\n" in text[end:] else len(text)]
    if _OPTION.search(line) or line.rstrip().endswith(("\\", "^", "`")):
        return False
    before = text[max(text.rfind("\n", 0, start) + 1, start - _MOST_BEFORE) : start]
    words = [word for word in line.split()[2:] if _PLAIN_WORD.fullmatch(word)]
    return not _BEFORE.search(before) or (found[1].lower() in {"curl", "wget"} and len(words) > _FEW_WORDS)


def _note_bearer(request: PastedRequest) -> None:
    """Read HTTPie's ``-A bearer -a …`` as the header that it makes."""
    if request.uses_basic and request.auth_type == "bearer":
        request.uses_basic = False
        request.headers.append(("Authorization", f"Bearer {request.credential}"))


def _words_and_answer(text: str) -> tuple[list[str], str] | None:
    """Return a command's words, and what is shown below it; None where a quote isn't closed."""
    following = _NEXT.search(text)
    own = text[: following.start()] if following else text
    command, answer = split_answer(own)
    line = _LINE_END.search(own)
    first = own[: line.start()] if line else own
    tries = ((command, answer), (own, ""), (first, answer), (text, ""))
    for part, shown in dict(tries).items():
        try:
            return shell_words(part), shown
        except ValueError:
            continue
    return None


def _command(words: list[str], program: str) -> PastedRequest:
    request, rest, is_query = PastedRequest(), iter(words), False
    for word in rest:
        name, value = _split(word, program)
        if name is not None:
            _note(request, name, next(rest, "") if value is None else value)
        elif _UNKNOWN_WORD.fullmatch(word) and (request.url or not word.lower().endswith(("url", "url}"))):
            request.is_whole = False
        elif not word.startswith("-") and not request.url:
            request.url = word
        elif program == "curl" and _AS_QUERY.fullmatch(word):
            is_query = True
    if is_query:
        request.url += f"{'&' if '?' in request.url else '?'}{'&'.join(request.data)}" if request.data else ""
        request.method, request.data = request.method or "GET", []
    if request.is_whole and not request.method:
        request.method = "POST" if request.data else "GET"
    if request.url and "://" not in request.url and not request.url.startswith("$"):
        request.url = f"https://{request.url}"
    return request


def _split(word: str, program: str) -> tuple[str | None, str | None]:
    """Return an option's name, and its value where that is in the same word: ``-XPOST``, ``-sH``, ``--url=…``."""
    known = _KNOWN - {"wget": _NOT_OF_WGET, "http": _NOT_OF_HTTPIE}.get(program, set())
    if word in known:
        return word, None
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals and name in known else (None, None)
    if len(word) < 3 or word[0] != "-" or (program == "wget" and word[1] == "n"):
        return None, None
    letters = word[1:12] if program == "curl" else word[1]
    at = next((place for place, letter in enumerate(letters, start=1) if f"-{letter}" in known), 0)
    return (f"-{word[at]}", word[at + 1 :] or None) if at else (None, None)


def _note(request: PastedRequest, name: str, value: str) -> None:
    request.method = request.method or _UPLOADS.get(name, "")
    if name in _ELSEWHERE or (name in _HEADER and (value.startswith(("@", "$", "`")))):
        request.is_whole = False
    elif name in _HEADER:
        header, _, content = value.partition(":")
        request.headers.append((header.strip(), content.strip()))
    elif name in _METHOD:
        request.method = value.upper()[:10]
    elif name in {"-A", "--auth-type"}:
        request.auth_type = value.lower()
    elif name in _BASIC:
        request.uses_basic, request.credential = True, value
    elif name == "--oauth2-bearer":
        request.headers.append(("Authorization", f"Bearer {value}"))
    elif name == "--url":
        request.url = value
    elif name in _DATA:
        request.data.append(value)
        if name == "--json":
            request.headers.append(("Content-Type", "application/json"))
        request.is_form = name != "--json"


def _httpie(words: list[str], before: str) -> PastedRequest | None:
    """Read ``http POST example.com Name:value field=text field:=json``, and what is piped into it."""
    request, place = PastedRequest(), False
    if "/:" in words or any(word.startswith("--headers") for word in words[:-1]):  # Haskell's, and Nushell's
        return None
    fields: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        if word.upper() in _METHODS and not place:
            request.method = word.upper()
        elif word.startswith("-"):
            name, value = _split(word, "http")
            if name is not None:
                _note(request, name, next(rest, "") if value is None else value)
        elif not place:
            if not _PLACE.match(word):
                return None
            request.url, place = word if "://" in word else f"https://{word}", True
        else:
            _note_item(request, fields, word)
    echoed = _ECHO.search(f"{before}http ")
    if echoed:
        request.data = [echoed[1]]
    elif fields and not any("[" in name for name in fields):  # nested fields are put together by HTTPie itself
        request.data = [json.dumps(fields)]
    request.is_form = "--form" in words or "-f" in words
    return request if place else None


def _note_item(request: PastedRequest, fields: dict[str, object], word: str) -> None:
    item = _ITEM.fullmatch(word)
    if word.startswith("$"):
        request.is_whole = False
    if item is None:
        return
    name, sign, value = item.groups()
    if sign == ":":
        request.headers.append((name.strip(), value.strip()))
    elif sign == "=":
        fields[name] = value
    elif sign == ":=":
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value


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
