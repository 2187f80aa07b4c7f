"""Reads the commands of curl and wget, and those of HTTPie, by the shell's rules. Their secrets are marks already."""

import json
import re
from itertools import islice

from troubleshooting.pasted.request import PastedRequest
from troubleshooting.pasted.shell import shell_words

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
_BASIC = {"-u", "--user", "-a", "--auth", "--http-user"}
_KNOWN = {"-H", "--header", "--url", *_METHOD, *_BASIC, *_DATA, *_WITH_VALUE}
_COMMAND = re.compile(r"(?:^|[\s;&|(`$])(curl|wget|https?|xh)(?:\.exe)?[ \t]+(?=[^ \t\r\n=:])", re.IGNORECASE)
_ECHO = re.compile(r"\becho[ \t]+(?:-\w+[ \t]+)?'([^']*)'[ \t]*\|[ \t\\\r\n]*(?:https?|xh)\b")
_MOST_TRIES = 4  # words that look like a command in a text that is none
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_PLACE = re.compile(r"(?:https?://|:\d|localhost|(?<![\w.-])[\w-]+\.[\w-])\S*", re.IGNORECASE)
_ITEM = re.compile(r"([^:=@]{1,40}?)(:=@|=@|:=|==|=|:|@)(.*)", re.DOTALL)


def parse_curl(text: str) -> PastedRequest | None:
    """Return the first command in ``text`` that sends a request; None where there is none that a shell could read."""
    for found in islice(_COMMAND.finditer(text), _MOST_TRIES):
        program = found[1].lower()
        try:
            words = shell_words(text[found.start(1) :])[1:]
        except ValueError:
            return None
        if program not in {"curl", "wget"}:
            request = _httpie(words, text[: found.start(1)])
            if request is not None:
                return request
        elif words and any(word.startswith("-") or _PLACE.match(word) for word in words):
            return _command(words, program)
    return None


def _command(words: list[str], program: str) -> PastedRequest:
    request, rest = PastedRequest(), iter(words)
    for word in rest:
        name, value = _split(word, program)
        if name is None:
            if not word.startswith("-") and not request.url:
                request.url = word
        else:
            _note(request, name, next(rest, "") if value is None else value)
    if request.url and "://" not in request.url and not request.url.startswith("$"):
        request.url = f"https://{request.url}"
    return request


def _split(word: str, program: str) -> tuple[str | None, str | None]:
    """Return an option's name, and its value where that is in the same word: ``-XPOST``, ``--request=POST``."""
    known = _KNOWN - _NOT_OF_WGET if program == "wget" else _KNOWN
    if word in known:
        return word, None
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals and name in known else (None, None)
    return (word[:2], word[2:]) if len(word) > 2 and word[:2] in known else (None, None)


def _note(request: PastedRequest, name: str, value: str) -> None:
    if name in {"-H", "--header"}:
        header, _, content = value.partition(":")
        request.headers.append((header.strip(), content.strip()))
    elif name in _METHOD:
        request.method = value.upper()[:10]
    elif name in _BASIC:
        request.uses_basic = True
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
        elif item := _ITEM.fullmatch(word):
            _note_item(request, fields, *item.groups())
    echoed = _ECHO.search(f"{before}http ")
    if echoed:
        request.data = [echoed[1]]
    elif fields and not any("[" in name for name in fields):  # nested fields are put together by HTTPie itself
        request.data = [json.dumps(fields)]
    request.is_form = "--form" in words or "-f" in words
    return request if place else None


def _note_item(request: PastedRequest, fields: dict[str, object], name: str, sign: str, value: str) -> None:
    if sign == ":":
        request.headers.append((name.strip(), value.strip()))
    elif sign == "=":
        fields[name] = value
    elif sign == ":=":
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
