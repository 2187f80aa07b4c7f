"""What is wrong with the form of the Authorization header that somebody pasted. Nothing is asked upstream."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cleanlist.secret_formats import EXTENSION_KEY_PREFIX, KEY_LENGTH
from troubleshooting.pasted.secrets import RemovedKey

_UNEXPANDED = re.compile(r"bearer\s+\$\{?\w", re.IGNORECASE)
_STAND_IN = re.compile(r"clapi_(\.|…|x|your|\W|$)|<[^<>]+>|\{\{", re.IGNORECASE)
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


def find_mistakes(headers: Iterable[tuple[str, str]], *, uses_basic: bool = False, raw: str = "") -> tuple[str, ...]:
    """Return the names of what is wrong with the headers of a request, or ``(GOOD,)``.

    Secrets in them are marks (``stripping``). ``raw`` is the command as it was pasted, for what its quotes do.
    """
    by_name = {name.lower(): value for name, value in headers}
    value = by_name.get("authorization")
    if value is None:
        if uses_basic:
            return ("basic",)
        return ("x_api_key",) if by_name.keys() & {"x-api-key", "api-key"} else ("missing",)
    return _mistakes_in_value(value, raw) or (GOOD,)


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
        return ("no_bearer",) if rest.strip("'\" ") else ("empty",)
    if not rest.strip("'\" "):
        return ("empty",)
    form = () if space else ("no_space",)
    return (*form, *_mistakes_in_credential(rest, raw))


def _mistakes_in_credential(rest: str, raw: str) -> tuple[str, ...]:
    quotes = ("quotes",) if _QUOTES.search(rest) else ()
    key = RemovedKey.first_in(rest)
    if key is not None:
        return (*quotes, *find_key_mistakes(key))
    if any(map(_UNEXPANDED.search, raw.split("'")[1:-1])):  # between two single quotes
        return ("unexpanded",)
    if _STAND_IN.search(rest):
        return ("stand_in",)
    return quotes
