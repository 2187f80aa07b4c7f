"""What secrets look like in pasted text, for the server and for the browser.

``make patterns`` writes them into ``static/js/strip_secrets.js``. So they use only what both languages read alike, but
for the end of the text, which is written for the script; blanks are spelled out, because the short form means more
in a script. Every pattern is linear: what may be long has no second beginning inside of it, or is taken as a whole.
"""

import re

from cleanlist.secret_formats import KEY_START, session_token
from troubleshooting.pasted import secret_encodings
from troubleshooting.pasted.secret_encodings import EXPANSION, FILLED, PROGRAM, RARER

_FLAGS = re.IGNORECASE | re.ASCII  # as in JavaScript
BLANK = r" \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"  # in a script, \s
_B = f"[{BLANK}]"
_QUOTES = r"(?:\\?['\"]|[`\u2018\u2019\u201c\u201d])"  # straight, and as word processors turn them
_MARKED = r"\[(?:key|secret|token)-removed"
# How a value begins that stands for one: a variable, a place to fill in, a mark.
_VARIABLE = (
    rf"[\[$<{{]|undefined\b|\\\(|#\{{|"
    rf"%[a-z_]+%|%s|(?:process|os|ENV|import|config|settings)\b[.\[]|[^ \t\r\n]{{0,3}}{_MARKED}|"
    rf"`{PROGRAM}|(?:your|insert|replace)[_-][a-z_-]{{0,40}}(?![\w+/.=-])"
)
# All of an argument in a shell that is variables and the outputs of programs.
_PUT_IN = (
    rf"\"?(?:{EXPANSION}|\$(?:\w+|\({PROGRAM}[^()\r\n]*\))|\{{\{{[\w .]+\}}\}}|%\w+%)+\"?"
    rf"(?![^{BLANK}])"
)
_LONG_OPTION = r"(?:(?!no-)[a-z]{1,20}-){0,3}pass(?:word|wd|phrase)?"

HEADER = re.compile(
    r"(['\"]?)\b((?:proxy-)?authorization|x-api-key|api-key|(?:set-)?cookie)(['\"]?[ \t]*(?::|=>?))([^\r\n]*)", _FLAGS
)
OPTION = re.compile(
    rf"(?<![^{BLANK}])(-u|-b|-a|--(?:user|cookie|auth|oauth2-bearer|{_LONG_OPTION}|proxy-user))"
    rf"(=|{_B}+)(?!['\"]?{_MARKED}|<[a-z]|-\w(?![^{BLANK}])|{_PUT_IN})('[^']*'|\"[^\"]*\"|\\+\"[^\"\r\n]*\"|[^{BLANK}]+)",
    re.ASCII,
)
FIELD = re.compile(
    rf"(\"(?:api_?key|token|secret|password|client_token)\"{_B}*:{_B}*\")"
    rf"((?!\[|\{{\{{[\w .$]+\}}\}}\"|<<)(?:[^\"\\]|\\.){{8,}})(?=\")",
    _FLAGS,
)
QUERY = re.compile(rf"([?&](?:api_?key|key|token|access_token)=)((?!\[)[^&{BLANK}'\"]{{8,}})", _FLAGS)
SESSION_TOKEN = re.compile(session_token(5), re.ASCII)
BEARER = re.compile(
    rf"(\bbearer{_B}+)(?!{_VARIABLE}|{RARER}|clapi_(?:\W|your|\w{{4}}[.…•*])|--[a-z]{{1,12}}=)([^{BLANK}'\"\\]{{8,}})",
    _FLAGS,
)
# A text that is nothing but a secret, what looks like one but is an id, and what stands for one in an example.
_HOST = (  # of a pod, of a computer in a network, of a container
    r"(?:[a-z][a-z0-9]{0,19}-){1,9}[a-z0-9]{6,10}-[a-z0-9]{5}|ip(?:-[0-9]{1,3}){4}|[a-z][a-z0-9-]{1,40}"
    r"(?:\.[a-z0-9-]{1,40}){0,8}\.(?:[a-z]{2}|com|net|org|app|dev|cloud|internal|local|svc|lan|test|example)|(?:[a-z]{2,20}-)+(?:eu|us|app|api|web|worker|server|node|prod)-[0-9]{1,3}"
)
ALONE = re.compile(rf"(?!(?:{_HOST})\Z)[\w+/=.~-]{{20,}}", re.ASCII)
_AN_ID = r"(?:[a-z]{1,12}[_-]){0,2}[a-f\d]{8}(?:-[a-f\d]{4}){4}[a-f\d]{8}|(?:public_bulk_|enrich-|req_|run_|/)[\w/.-]+"
ID = re.compile(rf"{_AN_ID}|[a-z_.]+(?:=[0-9]{{1,6}})?", _FLAGS)
STAND_IN = re.compile(
    r"[^\r\n]?\$\{[\w .()'\"\[\]-]+\}|\$\(?\$?(?:env:)?\w+(?:-?[>.\[{]{1,2}['\"]?\w+['\"]?[\]}()]{0,2})*\)?|"
    r"%\w+%|%s|<{1,2}[\w -]+>{1,2}|&\w{0,20}(?:key|token|auth|secret)\w{0,20}\.?|!\w{1,40}!|"
    r"!secret \w+|#[a-z][\w.]*#|\(\$[\w.]{1,60}\)|"
    r"(?:[#$]?\{|\$\(|\\\()[\w.: ]{1,60}(?:[\[(]|[#%/?]{1,2})|\$\(<|"  # up to a quote in it, of a literal in a literal
    rf"{EXPANSION}|{FILLED}|[\[<(]?(?:redacted|filtered|masked|hidden|"
    r"secure|secret|sensitive|scrubbed)[\])>]?|\*{3,}|"
    r"new \w+\([\"']\w+[\"'], ?(?:\"Bearer \" ?\+ ?)?[\w.]+(?:.\"[a-z_:]+\".)?\);?|"
    r"undefined|none|null|\[object object\]|bearer |"
    rf"\$\({PROGRAM}[^()\r\n]{{0,200}}\)?|`{PROGRAM}[^`\r\n]{{1,200}}`?|"
    r"\\\([\w .()?!'\"\[\]]+\)|(?:process|os|ENV|import|config|settings)\b[.\[][\w.()'\"\[\]-]*[ }),;]*|"
    r"[\w.]{0,8}?(?:key|token|auth|header|bearer|env|secret|config)[\w.]{0,40}(?:[(\[][\w'\", .-]*[)\]])?|"
    r"(?:your|my|insert|replace)[_-][a-z_-]{0,40}|x{3,}|\.{3,}|…|"
    rf"{_MARKED}[^ \t\r\n\[\]]*\][\])}}'\"]*|clapi_(?:live_|test_)?(?:[\w-]{{0,4}}[.…•*]+[\w-]{{0,4}}|x+|your\w*)?",
    _FLAGS,
)
# What stands around the credential in a header: before all, a list's bracket, and in a program a call or a prefix.
BEFORE_VALUE = re.compile(
    r"[ \t]*(?:\[[ \t]*(?=['\"]))?(?:[\w.:]{1,24}\((?=[bfru@$]{0,2}['\"]bearer))?(?:[bfru@$]{1,2}(?=['\"]))?", _FLAGS
)
OPENING = re.compile(
    rf"(?:[bfru@$]{{1,2}}(?=['\"]))?{_QUOTES}*"
    rf"(?:((?:bearer|basic|token|digest)(?:\b[ \t]*(?:[:=][ \t]*(?=[$%{{<\[]))?|(?={KEY_START})))"
    rf"(?:(?!`{PROGRAM}){_QUOTES})*)?",
    _FLAGS,
)
CLOSING = re.compile(rf"(?<![\\'\"`\u2018\u2019\u201c\u201d]){_QUOTES}+\Z")
END_OF_DIGEST = re.compile(r"[ \t]{1,9}(?!\w{1,99}=)[^\r\n]*")
END_OF_WORD = re.compile(rf"[,}}{BLANK}]|\Z")
# Behind a quotation's end in a program, which may join something to it, but no call with a literal that may be secret.
BEHIND = re.compile(
    rf",(?! ?['\"](?![A-Z_]+['\"])[^'\" ]{{20,200}}['\"] ?[),])|[;)}}\]{BLANK}]"
    rf"|[+.&|<>~]{{1,2}}[A-Za-z$@](?![\w.]{{0,40}}\(['\"](?![A-Z_]+['\"])[^'\"]{{20}})|\Z"
)
MARKED = re.compile(_MARKED, re.ASCII)
MARK = re.compile(rf"{_MARKED}[^ \t\r\n\[\]]{{0,80}}\]", re.ASCII)
EDGES = re.compile(rf"^[{BLANK}]+|[{BLANK}]+\Z")
SPACE = re.compile(_B)
ODD = re.compile(rf"[^\w{BLANK}-]", re.ASCII)

DASH = re.compile(r"[\u2010-\u2015\u2212]")
UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")  # which is sent with the key that it is in

ENCODED, IN_BYTES = secret_encodings.ENCODED, secret_encodings.IN_BYTES
# A key, from its beginning on, goes on over what may break it: blanks, quotes that are joined, marks of a quotation.
KEY = re.compile(KEY_START, re.ASCII)
KEY_PART = re.compile(r"(?:[\w-]|[\u2010-\u2015\u2212](?=[\w-]{4}))*", re.ASCII)
TOKEN = re.compile(r"eyJ(?=[\w-]{5})", re.ASCII)
IN_KEY = re.compile(rf"{KEY_START}[\w-]{{1,64}}\Z", re.ASCII)  # what stands before a token that is none
TOKEN_PART = re.compile(r"[\w.=-]*", re.ASCII)
GAP = re.compile(
    r"(?:[\r\n\u21b5\u23ce\u00ac][ \t]{0,8}(?:[\[+]?[0-9]{1,5}(?:[\]:.)|+ \t]{1,4}|-(?![0-9]))|"
    r"[\w-]{1,20}[ \t]{1,9}\||[/*;#-]{1,2}[ \t])|[\s\u2502\u2026\u21b5\u23ce\u00ac\"'`+\\,;|>&^=*#]|\.(?!\.)){1,24}",
    re.ASCII,
)
BREAK = re.compile(r"[\n\r\"'`\\\u23ce]")
# What follows but is no part of it: words as people and programs write them.
WORDS = re.compile(
    r"[_.=-]{0,3}(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)(?:[_.=-]+(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+))*[_.=-]*", re.ASCII
)
OTHER_ID = re.compile(rf"{_AN_ID}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[\w-]*", _FLAGS)
PLACEHOLDER = re.compile(
    r"(?:(?:your|api|key|live|test|secret|token|here|example|sample|placeholder|replace|insert|dummy|with|me|my|"
    r"[x0*])[_-]?){0,40}",
    _FLAGS,
)
# What is secret stands at the end: the last group, or all of it.
_TAG = r"(?:(?:!{1,2}[\w:.]{0,20}|&\w{1,20}|[|>][+-]?)\s+|-[ ])?"  # of YAML
_SET = rf"[\s\"'`\])*]*(?:=>|:=|->|\u2192|<<<|[:=\uff1a\uff1d])[\s*]*{_TAG}"
_IS = rf"(?:{_SET}|\s*[\"'](?:\s*,\s*|;(?=s:)))"
# Of a password written without quotes, or in a query string: an ampersand belongs to it unless a parameter follows.
_WITH_AND = r"(?:[^\s\"'`,;&<>()\[\]{}]|&(?!&|[\w-]{1,99}=))"
_PLAIN = r"[^\s\"'`,;&<>()\[\]{}|]"
# What a sentence says of a secret, in place of it.
_SAID = (
    r"(?:true|false|null|none|is|was|must|may|has|not|no|required|missing|incorrect|invalid|"
    r"wrong|field|expired?|string|str|text|too|the|to|for|and|or|in|of)\b(?![-_.(])"
)
# What a program has between a name and what is quoted, a type or a call; and that it has been taken out.
_OPEN = r"(?:@|[bfru]{1,2}|[a-z][\w.]{0,20}\((?:[0-9]{1,5}\)[ ])?|s:[0-9]{1,5}:)?"
_DONE = rf"(?:!{{1,2}}[\w:.]{{0,20}} )?{_OPEN}[\"'`]?\[\["
# What stands for a secret where one is found: it stays.
STANDS_FOR = re.compile(
    rf"{_DONE}|=?(?:(?:bearer|basic|token|digest)[\s+]+)?(?:{_VARIABLE}|cl(?:api|ext)_)|bearer (?:{RARER})", _FLAGS
)
_QUOTED = r"\"((?:[^\"\n]|\"(?=\w)){4,})(?!\"\s?:|[^\"\n])|'([^'\n]{4,})(?!'\s?:|[^'\n])"
_GIVEN = rf"(?:{_QUOTED}|([^\s\"']{{4,}}))"
_TOKENS = (
    r"(?:(?:api|access|private|account|secret|signing|encryption)[_-]?key|key-data|token|secret|credential|"
    r"authorization|auth|csrf|sig|session(?:[_-]?id)?)s?"
)
_PASSWORDS = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|passwor[td]|kennwort|contrase[\u00f1\u00d1n]a|clave|senha|wachtwoord|"
    r"has[\u0142\u0141l]o|heslo|adgangskode|l[\u00f6o]senord|[\u015f\u015es]ifre|[\u043f\u041f]\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|"
    r"\u30d1\u30b9\u30ef\u30fc\u30c9|\ube44\ubc00\ubc88\ud638|mot de passe)s?"
)
_LETTER = r"(?=[\w\u00c0-\uffff-]{2})"  # what is none is passed over sooner
_NAME = rf"{_LETTER}(?<![\w-])[\w-]{{0,40}}?"
# A value that words say nothing of: with digits; or words that are joined, as generators of passwords join them.
_MIXED = r"(?=[^\s]{0,99}[0-9])(?=[^\s]{0,99}[a-z!#$%^@~])"
_JOINED = (
    r"(?![\w-]{0,99}(?:not|invalid|missing|expired|require|your|example|unknown|provided|null|key|token|header|bearer|"
    r"secret))(?=[a-z-]{12})[a-z]{2,20}(?:-[a-z]{2,20}){1,9}(?![\w(.=-])"
)
_NO_OTHER = rf"(?!{_SAID}|[\w.+-]*(?:@[\w-]+\.[a-z]|://|[(=:])|[0-9]{{4}}-|/|HTTP/|[0-9]+-?[a-z]+(?!\w))"
NAMED = re.compile(
    rf"{_NAME}{_TOKENS}(?![\w-]){_IS}{_OPEN}[\"'`(\[]{{0,3}}"
    rf"(?:(?:bearer|basic|token|digest)[\s+]+)?((?=[^\s\"'`]{{0,99}}[0-9])(?:{_WITH_AND}{{8,}}|(?<=[\"'`]){_WITH_AND}{{6,7}}))",
    _FLAGS,
)
JOINED = re.compile(
    rf"{_LETTER}(?:{_TOKENS}|{_PASSWORDS})(?:\s?:?\s?&?str(?:ing)?)?(?:{_SET}|"
    rf"\s?[.(\s](?=[\"'`])){_OPEN}[\"'`]{{0,3}}({_JOINED})"
    rf"|(?:(?<![\w-])--[a-z-]{{0,40}}(?:token|secret|key)|\bsetx?(?: -\w)? \w{{0,99}}(?:token|secret|key|"
    rf"password))[ =][\"']?({_JOINED})"
    rf"|(?<![\w-])--[a-z-]{{0,40}}(?:token|secret|api-?key)[ =][\"']?((?=[\w-]{{0,99}}[0-9])[\w+=-]{{8,}}(?![\w./]))",
    _FLAGS,
)
# A random text without digits has capitals as no name of a variable has them.
LETTERS = re.compile(
    r"(?:[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Kk]ey|KEY|[Aa]uth|&code|\?code)[\"'\] ]{0,3}(?:[:=]|is|equals|\t|"
    r"\s{3})[\s\"']{0,9}((?=[a-z]*[A-Z]+[a-z])(?=\w*[A-Z]{2})[A-Za-z]{16,})(?![\w.(])",
    re.ASCII,
)
PASSWORD = re.compile(
    rf"(?:{_NAME}(?:{_PASSWORDS}|userpwd|sshpass|__session|__client\w{{0,20}})"
    r"|(?<![\w-])(?<!--- )(?:[\w-]{0,40}[_-])?p(?:ass|w))"
    rf"(?![\w-]){_IS}(?!{_SAID})(?:{_OPEN}(?:\"\"(?=\")|''(?='))?(?![\"'] )(?:{_QUOTED}|`([^`\n]{{4,}}))"
    rf"|(?:q\{{([^{{}}\n]{{4,99}})|\{{((?=[^{{}}]{{0,99}}[0-9])[^{{}}\s\"':]{{8,99}}))(?=\}})|(?![a-z_.]{{1,99}}\(|"
    rf"!vault)({_WITH_AND}{{4,}}(?:(?: [a-z]{{2,20}}){{1,7}}(?=\s*?(?:[\r\n,;'\"\\]|\Z)))?))",
    _FLAGS,
)
# As people write, and as tables and forms show it: name and password, with blanks, a bar or a few words between.
_LINK = (
    r"(?:[\s*|.>\u2014\u2013-]|(?:is|was|ist|lautet:?|est|es|[\u00e8\u00e9]|to|set|equals)(?=\s)|"
    r"(?:f[\u00fco]r|zu[mr]|of|de|para|in)(?:\s[\w\u00c0-\uffff]{1,20}){1,4}(?=\s(?:is|was|ist|est?)\s)){0,24}"
)
PROSE = re.compile(
    rf"{_LETTER}(?<![\w-])(?:[\w-]{{0,40}}_)?(?:{_PASSWORDS}|p(?:ass|w))(?=[\s*|]){_LINK}"
    rf"(?:[\"'`](?!{_SAID})([^\"'`\n]{{8,80}})(?=[\"'`])|(?<=[\s*|]){_NO_OTHER}{_MIXED}({_PLAIN}{{8,100}}))",
    _FLAGS,
)
TOLD = re.compile(
    rf"\b(?:api[ _-]?key|token|secret)(?:\s{{1,9}}(?:is|was|equals)|[ ]{{0,9}}[\t|]|"
    rf"[ ]{{3}})[\s:\"'`]{{0,40}}{_NO_OTHER}((?:(?=[a-z]*[0-9])[\w.+/=-]{{12,}}|{_JOINED}))"
    rf"|\b(?:cred(?:ential)?s|log-?in|user(?:name)?/pass(?:word)?)(?:[ ]?[:=][ ]?|[ ](?:is|are|with|as)[ ])"
    rf"[\w.@-]{{1,99}}[ ]?[:/][ ]?(?!/){_MIXED}({_PLAIN}{{8,}})"
    r"|\b(?:otp|pin|totp|2fa)(?:[ _-]?code)?[\"']?\s?(?:[:=]|is|was|ist)\s?[\"']?([0-9]{4,8})(?![\w.-])"
    rf"|\bpass(?:word|wd)?;{_MIXED}({_PLAIN}{{8,}})|\bbasic[ ][\w.@-]{{1,99}}:(?![ /])({_PLAIN}{{6,}})",
    _FLAGS,
)
# As an element, as attributes, as a part of a form, in a file, and as .netrc and the options of a few programs have it.
MARKUP = re.compile(
    r"<[\w.:-]{0,40}?(?:passw(?:or)?d|passwort|pwd|passphrase|(?:token|secret|"
    r"api-?key)(?=[^<>]{0,99}>[^<]{0,200}[0-9-]))(?:\s[^<>]{0,99})?>(?:<!\[CDATA\[)?([^<\]\r\n]{4,200})(?=[<\]])"
    rf"|[\"'][\w.:-]{{0,40}}?(?:passw(?:or)?d|pwd|passphrase|(?:token|secret|api_?key)(?=[^\n]{{0,99}}[0-9]))[\"']"
    rf"(?:\s{{0,9}}value\s{{0,9}}=\s{{0,9}}(?:{_QUOTED})|[^<>]{{0,99}}>\s{{0,9}}<value>([^<]{{4,200}}))"
    r"|value=[\"']([^\"'<>\n]{4,200})[\"'](?=\stype=[\"']password)"
    rf"|form-data; name=[\"']?[\w-]{{0,40}}?(?:{_PASSWORDS}|token|secret|api_?key)[\"']?[^\r\n]{{0,99}}"
    rf"(?:\r?\n[\w-]{{1,99}}:[^\r\n]{{0,99}}){{0,3}}\r?\n\r?\n([^\r\n]{{4,200}})"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----([\w+/=:,\s\\\"'>|]{16,})"
    rf"|>\s{{0,9}}(?:{_PASSWORDS}|token|secret):?\s{{0,9}}(?:</?[\w:]{{1,20}}[^<>]{{0,99}}>\s{{0,9}}){{1,4}}"
    rf"((?=[^<]{{0,99}}[0-9-])[^<\s]{{8,200}})"
    rf"|\blogin\s{{0,9}}[^\s]{{1,99}}\s{{0,9}}password\s{{0,9}}([^\s]{{4,}})"
    rf"|(?<![^\n>])[\w.*-]{{1,99}}:(?:[0-9]{{4,5}}|\*):[\w*-]{{1,99}}:[\w*-]{{1,99}}:{_MIXED}([^\s:]{{8,100}})"
    # What answers a question, of a server (in base64) or a program; the last value of a row in SQL.
    r"|334 UGFzc3dvcmQ6\s{1,9}(?:[CS>]:?[ ])?([\w+/=]{8,})|assword:?[ ]?[\"'}](?:[ ]?\{)?\s{1,20}send\s{1,9}(?:--[ ])?"
    r"[\"']([^\"'\n\\$]{4,})|\binsert\s{1,9}into\s{1,9}[^\s()]{1,99}\s{0,9}\([^()]{0,200}pass(?:word|wd)?[\"'`]?\s{0,9}\)"
    r"\s{1,9}values\s{0,9}\((?:[^()]{0,200},)?\s{0,9}'([^'\n]{4,99})(?='\s{0,9}\))"
    r"|\binsert\s{1,9}into\s{1,9}[^\s()]{1,99}\s{0,9}\([^()]{0,200}pass(?:word|wd)?[\"'`]?\s{0,9},[^()]{0,200}\)\s{1,9}"
    rf"values\s{{0,9}}\((?:[^()]{{0,200}}?,)??\s{{0,9}}'(?![^'@\n]{{1,99}}@){_MIXED}([^'\n]{{6,99}})(?=')"
    # What goes on in the next lines of YAML.
    rf"|\b(?:{_PASSWORDS}|{_TOKENS})[\"']?:[ \t]{{1,4}}[|>][+-]?[ \t]{{0,4}}\r?\n[ \t]{{1,40}}"
    r"([^\s:]{4,400}(?:\r?\n[ \t]{1,40}[^\s:]{4,400}(?=\s*?(?:[\r\n]|\Z))){1,9})",
    _FLAGS,
)
_LINE = r"[^\r\n|;]{0,99}?"
SWITCH = re.compile(
    rf"(?:(?<![\w-])(?:(?:-[uUabE]|--cert)(?==?[\s\"']*[^\s\"']{{1,99}}[:=])|--(?:user|cookie|auth|oauth2-bearer|"
    rf"{_LONG_OPTION}|proxy-user))[=\s]{{1,4}}"
    rf"|\b(?:(?:sshpass|(?:docker|podman|helm registry|az acr|oc) login {_LINE}) -p[ =]?"
    rf"|(?:mysql(?:dump|admin|sh)?|7z)(?: {_LINE})? -p|psexec[^\s]{{0,6}} {_LINE}-p |ldap\w{{3,9}} {_LINE}-w |"
    rf"net use (?:\w: )?\\\\[^\s]{{1,99}} (?!/)|(?:net user|add_user|thin:|sqlplus) ?[\w.-]{{1,99}}[ /](?!/)|BY (?=')"
    rf"|curl {_LINE}-[fgikLnsSv#]{{0,8}}u ?[\"']?[^\s\"':/]{{1,99}}:(?![\"'] ))| /(?:rp |user:[^\s:]{{1,99}}[ :](?!/))"
    rf"|\becho(?=[^\r\n|]{{4,99}}\|[^\r\n]{{0,99}}--password-stdin) "
    rf"|(?<![^\n> ])(?:PASS|AUTH|[a-z]?[0-9]{{0,4}} LOGIN)(?: [\w.@-]{{1,99}})? (?:(?=[\"'])|{_MIXED}(?![^\s]*[/.])))"
    rf"{_GIVEN}",
    re.ASCII,
)
COOKIE = re.compile(
    rf"(?<![A-Za-z0-9])(?:cookies?|cookiefile){_IS}[\[(]{{0,2}}"
    rf"(?:{_QUOTED}|(?:\{{|dict\()([^{{}}()\n]{{0,99}}[\"'][^\"'\n]{{8,}}[\"'][^{{}}()\n]{{0,300}})"
    rf"|(?!dict\(|[\w.]{{1,99}}\()([^\s\"'][^\r\n\"'()\[\]{{}}]{{3,}}))"
    r"|(?<![^\n \t])(?:set-)?cookie[ \t]{0,4}\r?\n[ \t]{0,8}([\w.-]{1,60}=[^\r\n]{4,})"
    r"|\t(?:TRUE|FALSE)\t[0-9]{1,12}\t[^\t\r\n]{1,80}\t([^\t\r\n]{8,})|\t([^\t\r\n]{8,})(?=\t[\w.-]{1,80}\t/)",
    _FLAGS,
)
LOGIN_PAIR = re.compile(
    rf"(?<![A-Za-z0-9])(?:auth{_IS}\(|(?:\w{{0,20}}?(?:basic|digest)_?auth|\w{{0,20}}?credentials?|login)\()\s{{0,40}}"
    rf"[\"'][^\"'\n]{{1,99}}[\"'],\s*[\"']([^\"'\n]{{4,}})",
    _FLAGS,
)
# A header as an object: {"name": "cookie", "value": "…"}.
PAIR = re.compile(
    r"(?<=[\"'])(?:proxy-authorization|authorization|x-api-key|api-key|cookie|set-cookie|password)[\"']\s*"
    r"(?:,|\)(?=[ \t]*[\"']))\s*(?:[\"']\s*)?(?:value[\"']?\s*[:=]\s*)?[\"']?"
    rf"(?!bearer\s+(?:{RARER})|[a-z.]{{1,20}}!?\([\"'])(?:(?:bearer|basic|token|digest)\s+)?"
    r"(?![A-Za-z]+[\"'\n]|(?:content|accept|user|cache|x)-|forHTTP|\s|"
    r"[^\w\"'\n]{0,2}(?:bearer|basic|token)?[^\w\"'\n]{0,4}[\"'\n])([^\"'\n\\]{8,})",
    _FLAGS,
)
VALUE = re.compile(
    rf"(?:\([\"'][\w-]{{0,40}}?{_TOKENS}[\"']\s{{0,9}},|[\"'](?=[\w-]{{3,99}}[\"']\s{{0,9}},)(?:[\w-]{{0,40}}?(?:{_TOKENS}|{_PASSWORDS}|session)|"
    rf"sid)[\"']\s{{0,9}},\s{{0,40}}[\"']?value[\"']?\s{{0,9}}[:=]|"
    rf"cookies?\.set\([\"'][^\"'\n]{{1,99}}[\"'],)\s{{0,9}}[\"'](?=[^\"'\n]{{0,99}}[0-9-]|"
    rf"[^\"'\n]{{20}})([^\"'\n\\]{{8,}})",
    _FLAGS,
)
SCHEME = re.compile(
    r"\b(?:bearer|basic|digest)[\s+:=\"']+(?![+:=\"']|[\w.]{1,99}\()((?=[A-Za-z]*[0-9_=+/.-])[A-Za-z0-9_=+/.~-]{8,})",
    _FLAGS,
)
# What a function that adds the word Bearer is given, and a header whose value stands in front of its name, or below it.
_LITERAL = r"(?![ \t]|your|my[_-]|insert|replace|x{3}|[A-Z_]+['\"])([^'\"\r\n]{8,200})"
CALL = re.compile(
    rf"(?:bearer(?:[_-]?(?:auth|token)|[ ])?[\"']?\s{{0,9}}[(,]|securestring(?: -string)?)\s{{0,9}}[\"']{_LITERAL}"
    rf"(?=[\"'](?!\s{{0,9}}:))|(?<=\([\"']){_LITERAL}(?=[\"'],\s{{0,9}}forHTTPHeaderField:\s{{0,9}}[\"']"
    r"(?:authorization|x-api-key|api-key|cookie)[\"'])"
    rf"|(?:name|key):[ \t]{{0,4}}[\"']?(?:[\w-]{{0,40}}?(?:{_TOKENS}|{_PASSWORDS}|cookie))[\"']?[ \t]{{0,4}}\r?\n"
    rf"[ \t]{{0,40}}value:[ \t]{{0,4}}[\"']?(?:bearer[ \t]{{1,4}})?{_LITERAL}"
    rf"|[\"'](?=[\w-]{{3,99}}[\"']\s{{0,9}}\{{)[\w-]{{0,40}}?(?:{_TOKENS}|{_PASSWORDS})[\"']\s{{0,9}}\{{\s{{0,40}}default\s{{0,9}}=\s{{0,9}}\"{_LITERAL}",
    _FLAGS,
)
LOGIN = re.compile(
    r"(?<=://)(?![^/@]{0,40}\[\[|\[)[^\s/'\"<>]+(?=@)"
    r"|(?<=://)[\w.-]{1,40}:(?![0-9]{1,5}[/?#]|[^\s@]{0,40}\[)([^\s@'\"<>]{4,60})(?=@)"
    r"|(?<![\w/@.:-])[\w.-]{1,40}:(?=[^\s@]{0,59}[0-9])(?=[^\s@]{0,59}[!#$%^*])([^\s@'\"<>/:]{8,60})"
    r"(?=@[\w-]{1,60}\.\w)"
    # Whoever knows such an address may send to it.
    r"|(?:/api/webhooks/[0-9]{1,20}(?=/\w)|hooks\.zapier\.com/hooks/(?:standard|catch)|\bhook\.(?:[a-z0-9]{2,9}\.)?make\.com|hook\.integromat\.com|"
    r"webhook\.office\.com/webhookb2|/webhook(?:-test)?(?=/[0-9a-f]{8}-[0-9a-f]{4}-)|logic\.azure\.com[^\s\"']{0,200}[?&]sig=)/?([\w@/%.-]{6,300})",
    re.ASCII,
)
IN_HEX = re.compile(
    r"(?<![\w+/.-])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{32,}(?![\w.-])|636c(?:617069|657874)5f[0-9a-f]{8,}"
    r"|c l (?:a p i|e x t) _(?: [\w-]){8,}|cl(?:api|ext)_(?=[\w-]{0,63}[0-9][a-z])[\w-]{16,}",
    _FLAGS,
)
PERSONAL = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[_-](?:live|test|proj|ant)?[_-]?|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|"
    r"pat-(?:na|eu|ap)[0-9]-|AKIA|ASIA|AIza|ya29\.|SG\.|npm_|pypi-|shp(?:at|ss)_|hf_|gsk_|dop_v1_|dckr_pat_|lin_api_|"
    r"ntn_|hv[bs]\.|[0-9]{8,10}:AA)|hooks\.slack\.com/services/(?:\w{1,20}/){0,2}",
    re.ASCII,
)
WHOLE_TOKEN = re.compile(r"[\w.=:/-]*", re.ASCII)
# Mixed as only generated text is; in one case; in a path, but LinkedIn's; as a host; AWS's.
GENERATED = re.compile(
    r"(?<![\w+/.-])(?!/|(?:[a-z]{1,12}_){0,2}[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-)"
    r"(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[0-9])(?![\w-]{0,15}/)[\w+/-]{24,}={0,2}(?![\w.])"
    r"|(?<![\w+/.-])(?=[0-9]{0,3}(?:[A-Za-z_-]{1,40}[0-9]{1,3}){3})(?![A-Z_]{0,20}[0-9A-F]{8}-[0-9A-F]{4}-)"
    r"(?:[A-Z0-9_-]{40,}|[a-z0-9_-]{64}|[a-z0-9]{32,}|[A-Z0-9]{32,})(?![\w.-])"
    r"|(?<=/)(?<!/in/)(?<!/pub/)(?<!/lead/)(?<!/people/)(?<!/profile/)(?<!/company/)(?:(?=[\w-]{0,99}[0-9][a-z])"
    r"(?:(?=[\w-]{0,99}[A-Z])[\w-]{24,}|(?=[0-9a-f]{0,31}[g-z])[0-9a-z]{32,})|(?=(?:[\w-]{0,20}?[A-Z]{2}[a-z]){2})"
    r"[\w-]{24,})(?:\+[\w+/=-]*)?(?![\w.-])"
    r"|(?<![\w-])(?=[\w-]{0,62}[0-9][A-Za-z])[\w-]{20,63}(?=\.(?:\w{1,20}\.)?cleanlist\.)"
    r"|(?<=://)(?=[\w-]{0,62}[a-z])(?=[\w-]{0,62}[A-Z])(?=[\w-]{0,62}[0-9])[\w-]{24,63}(?=\.)"
    r"|(?<![\w+/=-])(?!/)(?=(?:[a-z0-9+/]*[A-Z]+[a-z0-9+/]){5})(?=[A-Za-z+/]*[0-9][A-Za-z+/]*[0-9])[\w+/]{40}(?![\w+/=-])",
    re.ASCII,
)
# In tables: the heading of a column of secrets, and what is one below it.
HEADING = re.compile(
    rf"[\s\"'`*]{{0,9}}(?:[\w-]{{0,20}}[ _-])?(?:{_PASSWORDS}|api[ _-]?key|token|secret)[\s\"'`*]{{0,9}}", _FLAGS
)
CELL = re.compile(rf"^[ \t\"'`*]{{0,9}}({_MIXED}{_PLAIN}{{8,}}|[a-z]{{20,}}|{_JOINED})", _FLAGS)
# Where the others are looked for: in a whole text, at its beginning or at a given place, once; everywhere.
IN_WHOLE_TEXTS = (ALONE, HEADING, ID, STAND_IN, WORDS, OTHER_ID, PLACEHOLDER, WHOLE_TOKEN)
AT_THE_BEGINNING = (OPENING, BEFORE_VALUE)
ONCE = (CELL, CLOSING, END_OF_DIGEST, END_OF_WORD, IN_KEY, BREAK, MARKED, SPACE, ODD, UNSEEN, DASH)
AT_A_PLACE = (KEY_PART, TOKEN_PART, GAP, BEHIND, STANDS_FOR)
NET = (
    *(NAMED, JOINED, LETTERS, PASSWORD, PROSE, TOLD),
    *(MARKUP, SWITCH, COOKIE, LOGIN_PAIR),
    *(PAIR, VALUE, SCHEME, CALL, LOGIN, IN_HEX, GENERATED),
)
