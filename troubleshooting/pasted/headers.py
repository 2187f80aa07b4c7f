"""What is wrong with the form of the Authorization header that somebody pasted. Nothing is asked upstream."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cleanlist.secret_formats import EXTENSION_KEY_PREFIX, KEY_LENGTH
from troubleshooting.pasted.request import PastedRequest
from troubleshooting.pasted.secrets import RemovedKey

_UNEXPANDED = re.compile(r"bearer\s+\$\{?\w", re.IGNORECASE)
_STAND_IN = re.compile(
    r"clapi_(?:live_|test_)?(\.|…|x|your|\W|$)|<[^<>]+>|^['\"]?(?:your|my|insert|replace|x{4})", re.IGNORECASE
)
_KEY_HEADERS = {"x-api-key", "api-key"}
# What a program, or a tool's template, puts something in for.
_VARIABLE = re.compile(r"[$#%]?\{\{?[^{}]*\}|\$\w|%[sv]|\{\}|%\w+%")
_OTHER_SCHEME = re.compile(r"(?:token|apikey|api-key|key|jwt|digest|oauth)[ \t:=]+\S", re.IGNORECASE)
_MARK = re.compile(r"\[key-removed:[^ \[\]]*\]")
_SCHEME = re.compile(r"^['\"\s]*(bearer|basic)?(\s*)(.*)", re.IGNORECASE | re.DOTALL)
_QUOTES = re.compile("['\"`\u2018\u2019\u201c\u201d]")  # straight, and as word processors turn them
RIGHT = "Authorization: Bearer clapi_…"


@dataclass(frozen=True)
class HeaderMistake:
    """One thing wrong with a header: its name, what it is in a few words, and what to do."""

    name: str
    title: str
    text: str
    fix: str


_SEND_IT = f"Send the header {RIGHT}."
_MISTAKES = (
    HeaderMistake("missing", "The request has no Authorization header", "Nothing identifies the caller.", _SEND_IT),
    HeaderMistake(
        "x_api_key",
        "The key is in X-API-Key, which Cleanlist doesn't read",
        "Cleanlist only reads the Authorization header.",
        f"Send the header {RIGHT} instead.",
    ),
    HeaderMistake(
        "basic",
        "The request uses basic auth",
        "Cleanlist doesn't accept a username and password or curl's -u.",
        f"Send the header {RIGHT} instead.",
    ),
    HeaderMistake(
        "no_bearer",
        "The word Bearer is missing",
        "The key directly follows the header name.",
        "Put the word Bearer and one space before the key.",
    ),
    HeaderMistake(
        "scheme",
        "The word before the key isn't Bearer",
        "Cleanlist only reads Bearer credentials.",
        "Write Bearer instead of the word before the key.",
    ),
    HeaderMistake(
        "no_space",
        "There is no space between Bearer and the key",
        "Without the space, Cleanlist reads them as one word.",
        "Put one space between Bearer and the key.",
    ),
    HeaderMistake(
        "empty",
        "Nothing follows the word Bearer",
        "The variable with the key is probably empty.",
        "Set it, for example with export CLEANLIST_API_KEY=…, in the shell or process that sends the request.",
    ),
    HeaderMistake(
        "unexpanded",
        "The variable wasn't expanded",
        "Inside single quotes, the shell doesn't expand $, so the variable's name is sent instead of the key.",
        "Put the header in double quotes.",
    ),
    HeaderMistake(
        "stand_in",
        "A placeholder is in place of the key",
        "The example text was sent as is.",
        "Replace it with your own key, preferably from an environment variable.",
    ),
    HeaderMistake(
        "extension",
        "This is a browser extension key (clext_…)",
        "It isn't valid for the API.",
        "Use an API key, which starts with clapi_.",
    ),
    HeaderMistake(
        "prefix",
        "The key doesn't start with clapi_",
        "Cleanlist API keys do. This may be another service's key, or only part of a key.",
        "Copy the complete key again from where it's stored.",
    ),
    HeaderMistake(
        "quotes",
        "There are quotes around the key",
        "They're sent as part of the key.",
        "Remove the quotes inside the header.",
    ),
    HeaderMistake(
        "spaces",
        "There is a space or a line break in the key",
        "Anything after it is cut off or sent as part of the key.",
        "Copy the key again without spaces or line breaks.",
    ),
    HeaderMistake(
        "characters",
        "The key contains an invalid character",
        "API keys contain only letters, digits, - and _.",
        "Copy only the complete key again.",
    ),
    HeaderMistake(
        "length",
        "The key is incomplete",
        f"An API key has {KEY_LENGTH} characters.",
        "Copy the complete key again. If it isn't stored anywhere else, revoke it and create a new one.",
    ),
)
MISTAKES: Mapping[str, HeaderMistake] = {slip.name: slip for slip in _MISTAKES}
GOOD = "good"  # the header was looked at, and nothing is wrong with it


def find_mistakes_of(request: PastedRequest, raw: str) -> tuple[str, ...]:
    """Return the names of what is wrong with the header of a request, or ``(GOOD,)``; nothing where that is unknown."""
    by_name = {name.lower() for name, _ in request.headers}
    known = request.is_whole or request.uses_basic or by_name & {"authorization", *_KEY_HEADERS}
    if not known:
        return ()
    return find_mistakes(
        request.headers,
        uses_basic=request.uses_basic,
        raw=raw if request.is_whole else "",
        is_code=not request.is_whole,
    )


def find_mistakes(
    headers: Iterable[tuple[str, str]], *, uses_basic: bool = False, raw: str = "", is_code: bool = False
) -> tuple[str, ...]:
    """Return the names of what is wrong with the headers of a request, or ``(GOOD,)``.

    Secrets in them are marks (``secrets``). ``raw`` is the command as it was pasted, for what its quotes do. In a
    program, what is put in for a variable is unknown, so nothing is said of it.
    """
    by_name = {name.lower(): value for name, value in headers}
    value = by_name.get("authorization")
    if value is None:
        if uses_basic:
            return ("basic",)
        return ("x_api_key",) if by_name.keys() & _KEY_HEADERS else ("missing",)
    if is_code and _VARIABLE.search(value):
        return _mistakes_around_variable(value)
    return _mistakes_in_value(value, raw) or (GOOD,)


def _mistakes_around_variable(value: str) -> tuple[str, ...]:
    """Return what is wrong whatever the variable holds: another scheme, say."""
    scheme = _SCHEME.findall(value)[0][0].lower()
    if scheme == "basic":
        return ("basic",)
    return (GOOD,) if scheme == "bearer" and _SCHEME.findall(value)[0][1] else ()


def find_key_mistakes(key: RemovedKey) -> tuple[str, ...]:
    """Return the names of what is wrong with a key that was taken out."""
    if key.start == EXTENSION_KEY_PREFIX:
        return ("extension",)
    found = {"prefix": key.start == "other", "spaces": key.has_spaces, "characters": key.has_odd_characters}
    slips = tuple(name for name, is_so in found.items() if is_so)
    return slips or (("length",) if key.length != KEY_LENGTH else ())


def _mistakes_in_value(value: str, raw: str) -> tuple[str, ...]:
    scheme, space, rest = _SCHEME.findall(value)[0]
    word = scheme.lower()
    if word == "basic":
        return ("basic",)
    if not word:
        other = _OTHER_SCHEME.match(rest)
        if other:
            return ("scheme",)
        return ("no_bearer",) if rest.strip("'\" ") else ("empty",)
    if not rest.strip("'\" "):
        return ("empty",)
    form = () if space else ("no_space",)
    return (*form, *_mistakes_in_credential(rest, raw))


def _mistakes_in_credential(rest: str, raw: str) -> tuple[str, ...]:
    quotes = ("quotes",) if _QUOTES.search(rest) else ()
    key = RemovedKey.first_in(rest)
    if key is not None:
        around = _MARK.sub("", _QUOTES.sub("", rest), count=1).strip()
        more = ("characters",) if around and not find_key_mistakes(key) else ()
        return (*quotes, *find_key_mistakes(key), *more)
    if "[secret-removed]" in rest:  # it would be marked as a key if it began like one
        return (*quotes, "prefix")
    if any(map(_UNEXPANDED.search, raw.split("'")[1:-1])):  # between two single quotes
        return ("unexpanded",)
    if _STAND_IN.search(rest):
        return ("stand_in",)
    return quotes
