"""What secrets look like in pasted text, for the server and for the browser.

``make patterns`` writes them into ``static/js/strip_secrets.js``. So they use only what both languages read alike, but
for the end of the text, which is written for the script. Every pattern is linear: what may be long has no second
beginning inside of it, or is taken as a whole.
"""

import re

from cleanlist.secret_formats import KEY_START, session_token

_FLAGS = re.IGNORECASE | re.ASCII  # as in JavaScript
_QUOTES = r"(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])"  # straight, and as word processors turn them

HEADER = re.compile(
    r"(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|cookie)(['\"]?[ \t]*[:=])([^\r\n]*)", _FLAGS
)
OPTION = re.compile(r"(?<!\S)(-u|--user|-b|--cookie)(=|\s+)('[^']*'|\"[^\"]*\"|\S+)", re.ASCII)
FIELD = re.compile(r"(\"(?:api_?key|token|secret|password|client_token)\"\s*:\s*\")((?!\[)[^\"\\]{8,})(?=\")", _FLAGS)
QUERY = re.compile(r"([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&\s'\"]{8,})", _FLAGS)
USERINFO = re.compile(r"(?<=[a-z0-9+]://)(?!\[)[^\s/@'\"]+(?=@)", _FLAGS)
SESSION_TOKEN = re.compile(session_token(5), re.ASCII)
# More than the ten characters that lists show, and not followed by what a shortened key goes on with.
KEY = re.compile(rf"(?<![\w:]){KEY_START}(?!your)[\w-]{{5,}}(?![\w…]|\.\.\.)", re.ASCII)
BEARER = re.compile(
    r"(\bbearer\s+)(?![$<{]|\S{0,3}\[(?:key|secret|token)-removed)(?!clapi_(?:\W|your))([^\s'\"\\]{8,})", _FLAGS
)
# A text that is nothing but a secret, what looks like one but is an id, and what stands for one in an example.
ALONE = re.compile(r"[\w+/=.~-]{20,}", re.ASCII)
ID = re.compile(
    r"(?:[a-z_]+[-_])?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|/)[\w/.-]+|[a-z_]+",
    _FLAGS,
)
STAND_IN = re.compile(
    r"\$\{?\w+\}?|<[\w -]+>|\{{1,3}[\w .]+\}+|\[\w+-removed[^\s\[\]]*\]|clapi_(?:\.+|…|x+|your\w*)?", _FLAGS
)
# What stands around the credential in a header.
OPENING = re.compile(rf"{_QUOTES}*(?:((?:bearer|basic|token|digest)(?:\b[ \t]*|(?={KEY_START}))){_QUOTES}*)?", _FLAGS)
CLOSING = re.compile(rf"(?<![\\'\"`\u2018\u2019\u201c\u201d]){_QUOTES}+\Z")
END_OF_WORD = re.compile(r"[,}\s]|\Z")

# The others are looked for everywhere.
IN_WHOLE_TEXTS, AT_THE_BEGINNING, ONCE = (ALONE, ID, STAND_IN), (OPENING,), (CLOSING, END_OF_WORD)
