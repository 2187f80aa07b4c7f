"""What secrets look like in pasted text, for the server and for the browser.

``make patterns`` writes them into ``static/js/strip_secrets.js``. So they use only what both languages read alike, but
for the end of the text, which is written for the script; blanks are spelled out, because the short form means more
in a script. Every pattern is linear: what may be long has no second beginning inside of it, or is taken as a whole.
"""

import re

from cleanlist.secret_formats import KEY_START, session_token

_FLAGS = re.IGNORECASE | re.ASCII  # as in JavaScript
_BLANK = r" \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_B = f"[{_BLANK}]"
_QUOTES = r"(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])"  # straight, and as word processors turn them
_MARKED = r"\[(?:key|secret|token)-removed"
# How a value begins that stands for one: a variable, a place to fill in, a mark.
_VARIABLE = (
    rf"[\[$<{{]|#\{{|%[A-Za-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{{0,3}}{_MARKED}"
)

HEADER = re.compile(
    r"(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|(?:set-)?cookie)(['\"]?[ \t]*(?::|=>?))([^\r\n]*)", _FLAGS
)
OPTION = re.compile(
    rf"(?<![^{_BLANK}])(-u|-b|-a|--(?:user|cookie|auth|oauth2-bearer|(?:http-|proxy-|ftp-)?password|proxy-user|pass))"
    rf"(=|{_B}+)(?!['\"]?{_MARKED})('[^']*'|\"[^\"]*\"|[^{_BLANK}]+)",
    re.ASCII,
)
FIELD = re.compile(
    rf"(\"(?:api_?key|token|secret|password|client_token)\"{_B}*:{_B}*\")((?!\[)[^\"\\]{{8,}})(?=\")", _FLAGS
)
QUERY = re.compile(rf"([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&{_BLANK}'\"]{{8,}})", _FLAGS)
USERINFO = re.compile(rf"(?<=[a-z0-9+]://)(?!\[)[^{_BLANK}/@'\"]+(?=@)", _FLAGS)
SESSION_TOKEN = re.compile(session_token(5), re.ASCII)
BEARER = re.compile(rf"(\bbearer{_B}+)(?!{_VARIABLE}|clapi_(?:\W|your))([^{_BLANK}'\"\\]{{8,}})", _FLAGS)
# A text that is nothing but a secret, what looks like one but is an id, and what stands for one in an example.
ALONE = re.compile(r"[\w+/=.~-]{20,}", re.ASCII)
_AN_ID = r"(?:[a-z]{1,12}_){0,2}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:public_bulk_|enrich-|req_|/)[\w/.-]+"
ID = re.compile(rf"{_AN_ID}|[a-z_]+", _FLAGS)
STAND_IN = re.compile(
    r"[^\r\n]?\$\{[\w .()'\"\[\]-]+\}|\$(?:env:)?\w+|%\w+%|%s|<[\w -]+>|[#$]?\{{1,3}[\w .()'\"\[\]-]+\}+|"
    r"(?:process|os|ENV|import|config|settings)\b[.\[][\w.()'\"\[\]-]*|"
    r"[\w.]{0,8}?(?:key|token|auth|header|bearer|env|secret|config)[\w.]{0,40}(?:[(\[][\w'\", .-]*[)\]])?|"
    r"(?:your|my|insert|replace)[_-][A-Za-z_-]{0,40}|x{3,}|\.{3,}|…|"
    rf"{_MARKED}[^ \t\r\n\[\]]*\]|clapi_(?:live_|test_)?(?:\.+|…|x+|your\w*)?",
    _FLAGS,
)
# What stands around the credential in a header.
OPENING = re.compile(
    rf"(?:[bfru@$]{{1,2}}(?=['\"]))?{_QUOTES}*"
    rf"(?:((?:bearer|basic|token|digest)(?:\b[ \t]*|(?={KEY_START}))){_QUOTES}*)?",
    _FLAGS,
)
CLOSING = re.compile(rf"(?<![\\'\"`\u2018\u2019\u201c\u201d]){_QUOTES}+\Z")
END_OF_WORD = re.compile(rf"[,}}{_BLANK}]|\Z")
# Behind a quotation's end in a program.
BEHIND = re.compile(rf"[,;)}}\]{_BLANK}]|\Z")
MARKED = re.compile(_MARKED, re.ASCII)
MARK = re.compile(rf"{_MARKED}[^ \t\r\n\[\]]{{0,80}}\]", re.ASCII)
EDGES = re.compile(rf"^[{_BLANK}\ufeff]+|[{_BLANK}\ufeff]+\Z")
SPACE = re.compile(_B)
ODD = re.compile(rf"[^\w{_BLANK}-]", re.ASCII)

# The net: text is read with what is encoded in it decoded, as often as it was encoded.
ENCODED = re.compile(
    r"%(?:25){0,4}([0-9a-f]{2})"
    r"|\\{1,8}(?:u00|x)([0-9a-f]{2})"
    r"|&(?:amp;){0,4}#x0{0,4}([0-9a-f]{2});"
    r"|&(?:amp;){0,4}#0{0,4}([0-9]{2,3});"
    r"|&(?:amp;){0,4}(quot|apos|nbsp|lt|gt);"
    r"|\\{1,8}([nrtfv\"'/_-])"
    r"|([\x00\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff])",
    _FLAGS,
)
# A key, from its beginning on, goes on over what may break it: blanks, quotes that are joined, marks of a quotation.
KEY = re.compile(KEY_START, re.ASCII)
KEY_PART = re.compile(r"[\w-]*", re.ASCII)
TOKEN = re.compile(r"eyJ(?=[\w-]{5})", re.ASCII)
IN_KEY = re.compile(rf"{KEY_START}[\w-]{{1,64}}\Z", re.ASCII)  # what stands before a token that is none
TOKEN_PART = re.compile(r"[\w.=-]*", re.ASCII)
GAP = re.compile(rf"(?:[{_BLANK}\"'`+\\,;|>&^=*#]|\.(?!\.)){{1,24}}", re.ASCII)
BREAK = re.compile(r"[\n\r\"'`\\]")
# What follows but is no part of it: words as people and programs write them.
WORDS = re.compile(
    r"[_.=-]{0,3}(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)(?:[_.=-]+(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+))*[_.=-]*", re.ASCII
)
OTHER_ID = re.compile(_AN_ID, _FLAGS)
PLACEHOLDER = re.compile(
    r"(?:(?:your|api|key|live|test|secret|token|here|example|sample|placeholder|replace|insert|dummy|with|me|my|"
    r"[x0*])[_-]?){0,40}",
    _FLAGS,
)
# What is secret stands at the end: the last group, or all of it.
_IS = rf"[{_BLANK}\"'`\])]*(?:=>|:=|[:=]|[\"'][{_BLANK}]*,)[{_BLANK}]*"
_PLAIN = rf"[^{_BLANK}\"'`,;&<>()\[\]{{}}]"
_SECRET = rf"(?!(?:(?:bearer|basic|token|digest)[{_BLANK}+]+)?(?:{_VARIABLE}|cl(?:api|ext)_))"
NAMED = re.compile(
    r"(?<![A-Za-z0-9_-])[\w-]{0,40}?"
    r"(?:api[_-]?key|access[_-]?key|private[_-]?key|token|secret|credential|authorization|auth|session(?:[_-]?id)?)s?"
    rf"(?![\w-]){_IS}[\"'`(\[]{{0,3}}"
    rf"(?:(?:bearer|basic|token|digest)[{_BLANK}+]+)?{_SECRET}((?=[^{_BLANK}\"'`]{{0,100}}[0-9]){_PLAIN}{{8,}})",
    _FLAGS,
)
PASSWORD = re.compile(
    r"(?<![A-Za-z0-9_-])[\w-]{0,40}?(?:passw(?:or)?d|passphrase|pwd|userpwd|__session|__client\w{0,20})"
    rf"(?![\w-]){_IS}(?:\"{_SECRET}([^\"\n]{{4,}})|'{_SECRET}([^'\n]{{4,}})|{_SECRET}({_PLAIN}{{4,}}))",
    _FLAGS,
)
COOKIE = re.compile(
    rf"(?<![A-Za-z0-9])(?:cookies?|cookiefile){_IS}"
    rf"(?:\"{_SECRET}([^\"\n]{{4,}})|'{_SECRET}([^'\n]{{4,}})|{_SECRET}([^{_BLANK}\"'][^\r\n\"'()\[\]{{}}]{{3,}}))",
    _FLAGS,
)
LOGIN_PAIR = re.compile(
    rf"(?<![A-Za-z0-9])auth{_IS}\([\"'][^\"'\n]{{1,100}}[\"'],{_B}*[\"']{_SECRET}([^\"'\n]{{4,}})", _FLAGS
)
LOGIN_OPTION = re.compile(
    rf"(?<![\w-])(?:-[uab](?=={{0,1}}[{_BLANK}\"']*[^{_BLANK}\"']{{1,100}}[:=])|--(?:user|cookie|auth|oauth2-bearer|"
    rf"(?:http-|proxy-|ftp-)?password|proxy-user|pass))[={_BLANK}]{{1,4}}"
    rf"(?:\"{_SECRET}([^\"\n]{{4,}})|'{_SECRET}([^'\n]{{4,}})|{_SECRET}([^{_BLANK}\"']{{4,}}))",
    re.ASCII,
)
# A header as an object: {"name": "cookie", "value": "…"}.
PAIR = re.compile(
    rf"(?<=[\"'])(?:proxy-authorization|authorization|x-api-key|api-key|cookie|set-cookie|password)[\"'][{_BLANK}]*"
    rf"[,)][{_BLANK}]*(?:[\"'][{_BLANK}]*)?(?:value[\"']?[{_BLANK}]*[:=][{_BLANK}]*)?[\"']?"
    rf"(?:(?:bearer|basic|token|digest)[{_BLANK}]+)?{_SECRET}(?![A-Za-z]+[\"'\n]|{_B}|[^\w\"'\n]{{0,2}}(?:bearer|basic|token)?[^\w\"'\n]{{0,4}}[\"'\n])"
    r"([^\"'\n\\]{8,})",
    _FLAGS,
)
SCHEME = re.compile(
    rf"\b(?:bearer|basic|digest)[{_BLANK}+:=\"']+{_SECRET}"
    r"((?=[A-Za-z]*[0-9_=+/.-])[A-Za-z0-9_=+/.~-]{8,})",
    _FLAGS,
)
LOGIN = re.compile(rf"(?<=://)(?!\[)[^{_BLANK}/@'\"<>]+(?=@)", re.ASCII)
# Base64 of a key's or token's beginning, at each of the three places where it may begin; and its hexadecimal digits.
IN_BASE64 = re.compile(
    r"(?:Y2xhcGlf|Y2xleHRf|NsYXBpX|NsZXh0X|jbGFwaV[89]|jbGV4dF[89]|ZXlKaGJHY2lP|lKaGJHY2lP|ZXlKMGVYQWlP)[\w+/=-]{4,}"
    r"(?:[\r\n]+[ \t]*[\w+/-]{8,}={0,2}(?![\w:]))*",
    re.ASCII,
)
IN_HEX = re.compile(r"636c(?:617069|657874)5f[0-9a-f]{8,}", _FLAGS)
PERSONAL = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[_-](?:live|test|proj|ant)?[_-]?|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|"
    r"pat-(?:na|eu|ap)[0-9]-|AKIA|AIza|ya29\.|SG\.|npm_|pypi-|shp(?:at|ss)_|hf_|dop_v1_)[\w.-]{12,}",
    re.ASCII,
)
# Mixed as only generated text is. What is part of an address stays: LinkedIn's have such parts.
GENERATED = re.compile(
    r"(?<![\w+/.-])(?!/|(?:[a-z]{1,12}_){0,2}[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-)"
    r"(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[0-9])(?![\w-]{0,15}/)[\w+/-]{24,}={0,2}(?![\w.])",
    re.ASCII,
)

# Where the others are looked for: in a whole text, at its beginning or at a given place, once; everywhere.
IN_WHOLE_TEXTS, AT_THE_BEGINNING = (ALONE, ID, STAND_IN, WORDS, OTHER_ID, PLACEHOLDER), (OPENING,)
ONCE = (CLOSING, END_OF_WORD, IN_KEY, BREAK, MARKED, SPACE, ODD)
AT_A_PLACE = (KEY_PART, TOKEN_PART, GAP, BEHIND)
NET = (NAMED, PASSWORD, COOKIE, LOGIN_PAIR, LOGIN_OPTION, PAIR, SCHEME, LOGIN, IN_HEX, PERSONAL, GENERATED)
