"""Finds in an error's text which status it was, or what else went wrong. Explicit statuses come first, words last."""

import re

_URL = re.compile(r"\bhttps?://[^\s\"'<>]+|(?<=url: )/\S+", re.IGNORECASE)
_TOOL = re.compile(r"webhooks? by zapier", re.IGNORECASE)
_REASONS = {
    "unauthorized": 401, "unauthorised": 401, "payment required": 402, "forbidden": 403, "method not allowed": 405,
    "request timeout": 408, "payload too large": 413, "content too large": 413, "request entity too large": 413,
    "unsupported media type": 415, "unprocessable entity": 422, "unprocessable content": 422, "too many requests": 429,
    "internal server error": 500, "bad gateway": 502, "service unavailable": 503, "gateway timeout": 504,
    "bad request": 400, "not found": 404,
}  # fmt: skip
_REASON = "|".join(_REASONS).replace("timeout", "time-?out")
# Dates and times, with what some put behind the seconds, and addresses with their ports: no number in them is a status.
_NO_STATUS = re.compile(
    r"\b\d{4}[-/.]\d\d[-/.]\d\d\b|\b\d{1,2}:\d\d:\d\d(?:[.,:]\d{1,9})?|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"
)
_CODE = r"([45]\d\d)(?![a-z]?\d|[.,:/-]\d|\s---|\s*(?:ms|s|contacts|credits|rows|requests|bytes)\b)"
_NAMED = (
    r"(?:http[ _-]?|response[ _-]?|error[ _-]?)?(?:status|code)(?:[ _-]?code)?|http(?:/[\d.]+)?|http[ _-]?error|"
    r"errors?|exception|says?|said|gives?|gave|got(?: an?| status)?|gets?|returned|returns?|returning|"
    r"responded(?: with)?|"
    r"answered|received|failed with|failed|(?:has )?a status code of|rejected with|(?<!-)an?|with|response"
)
_WORDS = rf"client error|server error|error\b|{_REASON}"
EXPLICIT = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b(?:{_NAMED})[\"']?(?!\s{{0,3}}[=!]=)[ \t]{{0,3}}[:=#(\[\"'-]{{0,3}}[ \t]{{0,2}}[\"']?{_CODE}",
        rf"(?<![\w.:/#-])(?<!\d,)(?<![A-Za-z]\[){_CODE}[\"')\]]?[ \t]{{0,2}}[-\u2013\u2014:]?[ \t]{{0,2}}(?:{_WORDS})",
        rf"^[^\w\n]{{0,6}}{_CODE}(?:[^\w\n]{{0,6}}$|[ \t]{{1,3}}[-\u2013\u2014])",
        rf"(?<![A-Za-z])[\[(]{_CODE}[\])]",
        rf"(?<![\w.,:/#-]){_CODE}[\"')\]]?[ \t]{{0,3}}[:,;|-]?\s{{0,4}}(?=\{{\s{{0,9}}\\?[\"'])",  # before a body
        rf"(?:->|=>|\u2192|\u21d2|\u27f6)[ \t]{{0,3}}{_CODE}",
    )
)
_ANY_REASON = re.compile(rf"\b({_REASON})\b", re.IGNORECASE)
_API_CODES = {
    "invalid_token": "unauthorized", "insufficient_scope": "scope", "feature_gated": "feature_gate",
    "insufficient_credits": "credits", "spend_cap_exceeded": "credits", "rate_limited": "rate_limited",
    "validation_error": "shape", "json_invalid": "shape", "UNAUTHENTICATED": "unauthorized",
    "PERMISSION_DENIED": "scope", "RESOURCE_EXHAUSTED": "rate_limited",
}  # fmt: skip
_API_CODE = re.compile(rf"(?<![\w-])({'|'.join(_API_CODES)})(?![\w-])")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--|%)[ \t>-]{0,4}(\D{0,80}[1-5]\d\d\b[^\r\n]{0,200})$")
# How lines of programs end or begin; JSON and what exceptions print isn't meant.
_OF_PROGRAM = re.compile(
    r"[;{}(,\[]\s{0,9}$(?<!\"\})|^\s{0,80}[)}\]]|\w[!?]?\([^()]{0,200}\)[;)}\]]{0,9}\s{0,9}$|\.\w{1,40}\(|[=!]==?\s|"
    r"^\s{0,80}(?:if|elif|else|for|while|case|when|return|raise|throw|assert|def|func|fn|fun|let|var|val|const|import)\b"
)
_MOCK = re.compile(
    r"\bresponses\.(?:add|get|post|put|delete)\(|\b(?:requests_mock|httpx_mock|respx|httpretty|aioresponses|fetchMock)\b|"
    r"\bnock\(\s{0,9}['\"`]|\bHttpResponse\.json\(|\bstub_request\(|\bstubFor\(|\bMockResponse\(|\.mock(?:Resolved|Return)Value"
)
# A line of configuration: a name, and a value that is no sentence.
_SETTING = re.compile(
    r"^\s{0,40}+(?:-\s)?(?:export\s|set\s|\$env:|ENV\s)?['\"]?[A-Za-z_][\w.-]{0,80}+['\"]?"
    r"(?:\s?=(?!=)\s{0,4}\S|:\s{0,4}(?:$|[$'\"\[{]|[^\s,]{1,200}+,?\s{0,9}$))"
)
_OF_LOG = re.compile(r"^\W{0,3}\d{4}-\d\d-\d\d[T ]|\bERROR\b|\"error\w{0,20}\"\s?:")
_CLOUDFLARE = re.compile(r"\b(?:error(?: code)?|cloudflare)\W{0,3}(1[01][0-2]\d|52\d)\b", re.IGNORECASE)
_LOCAL = r"(?:localhost|127\.\d|\[?::1|0\.0\.0\.0)"
# In German, French and Spanish as .NET, Windows and the C library have them; accents may be lost on the way.
_EXCEPTIONS = tuple(
    (re.compile(words, re.IGNORECASE), topic)
    for words, topic in (
        (r"code = Unauthenticated|\bunauthenticated\.", "unauthorized"),
        (r"NSURLErrorDomain[^\n\d]{0,20}1022|App Transport Security|cleartext (?:HTTP|communication)", "cleartext"),
        (r"requires net access|--allow-net", "not_allowed"),
        (r"XMLHttpRequest error", "cors"),
        (r"blocked by CORS|CORS policy|Access-Control-Allow-Origin|CORS (?:header|error|request)", "cors"),
        (r"needs to be valid JSON|is not a valid JSON|invalid JSON in (?:the )?(?:request )?body", "shape"),
        (r"TypeError: (?:Failed to fetch|Load failed)|NetworkError when attempting", "cors"),
        (
            (
                r"ENOTFOUND|EAI_AGAIN|getaddrinfo|NXDOMAIN|name or service not known|could ?n[o']t (?:be )?resolve|"
                r"no such host|UnknownHost|NameResolution|nodename nor servname|failed host lookup|Remotename|"
                r"Host ist (?:unbekannt|nicht bekannt)|Name oder Dienst nicht bekannt|nom distant|h.{1,3}te inconnu|"
                r"nom ou service inconnu|nombre remoto|host desconocido|nombre o servicio desconocido"
            ),
            "dns",
        ),
        (
            (
                r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|unable to get (?:local )?issuer|"
                r"unknown authority|self[- _]signed|UNABLE_TO_(?:VERIFY|GET)|UnknownIssuer|PKIX path|unknown_?ca\b|"
                r"not trusted|SSL certificate problem|trust relationship|RemoteCertificate|Vertrauensstellung|"
                r"relation de confiance|relaci.{1,3}n de confianza"
            ),
            "untrusted",
        ),
        (
            (
                rf"(?:ECONNREFUSED|connection to|connect to|dial tcp) {_LOCAL}|"
                rf"host='{_LOCAL}[^\n]{{0,300}}refused|refused[^\n]{{0,60}}{_LOCAL}"
            ),
            "not_listening",
        ),
        (
            (
                r"ReadTimeout|read timed out|timeout of \d+ ?ms exceeded|read operation timed out|"
                r"operation timed out after \d+ milliseconds|awaiting headers|Task timed out after|"
                r"SocketTimeoutException|HttpClient\.Timeout|HEADERS_TIMEOUT"
            ),
            "client_timeout",
        ),
        (
            (
                r"(?<!read )(?<!write )ETIMEDOUT|ECONNREFUSED|E(?:HOST|NET)UNREACH|ConnectTimeout|connect timed out|"
                r"connection refused|no route to host|network is unreachable|failed to connect|could ?n[o']t connect|"
                r"unable to connect|connection attempt failed|dial tcp [^\s]{1,60} i/o timeout|"
                r"Verbindung (?:verweigerte|verweigert|abgelehnt)|Verbindungsaufbau abgelehnt|"
                r"keine Verbindung hergestellt|(?:Remoteserver|Verbindung) kann nicht hergestellt|connexion refus|"
                r"connecter au serveur distant|aucune connexion n|conectar con el servidor remoto|"
                r"deneg.{1,3} expresamente|conexi.{1,3}n (?:rehusada|rechazada)"
            ),
            "unreachable",
        ),
        (r"SSLError|SSL_|CERT_|certificate|TLS |handshake", "upstream"),
        (r"ECONN\w+|E(?:SOCKET)?TIMEDOUT|EPIPE|socket hang up|fetch failed|connection ?(?:reset|aborted)", "upstream"),
        (r"max retries exceeded|remote ?disconnected", "upstream"),
        (
            r"ConnectionError|ReadTimeout|SocketException|HttpRequestException|deadline exceeded",
            "upstream",
        ),
        (r"timed? ?-?out|bad gateway|unavailable|broken pipe|connection closed|empty reply from server", "upstream"),
        (
            r"JSONDecodeError|unexpected token|unexpected end of JSON|expecting value|not valid JSON|JSON\.parse",
            "upstream",
        ),
        (
            r"NSURLErrorDomain|reqwest::Error|error sending request|HTTPoison\.Error|TransportError|tls_alert",
            "upstream",
        ),
        (r"FailedToOpenSocket|typo in the url|socket connection was closed", "upstream"),
        (r"\b(?:0x)?80072(?:ee[0-9a-f]|ef[0-9a-f]|f[0-9a-f]{2})\b", "upstream"),  # of WinHTTP and VBA
        (r"network connection lost", "upstream"),
        (
            r"Verbindung wurde (?:geschlossen|vom Remotehost)|Zeit.{1,3}berschreitung|Timeout f.{1,3}r Vorgang",
            "upstream",
        ),
        (r"connexion sous-jacente|d.{1,3}lai d.attente", "upstream"),
        (r"terminado la conexi|conexi.{1,3}n subyacente|tiempo de espera", "upstream"),
        (r"FormatException: |expected value|invalid character '<'|JsonParse|JsonReader|DOCTYPE", "upstream"),
        (r"unexpected character .{0,20}JSON", "upstream"),
    )
)

# What was never sent, or never got to Cleanlist, whatever status is in the text.
_BEFORE_STATUS = tuple(
    (re.compile(words, re.IGNORECASE), topic)
    for words, topic in (
        (
            r"\bProxyError\b|tunnel connection failed|proxy authentication required|\b407 proxy|CONNECT tunnel failed",
            "proxy",
        ),
        (r"Access-Control-Allow-Origin|blocked by CORS", "cors"),
        (r"\bRequest has expired\b|\bExpiredToken\b|AuthenticationFailed.{0,200}Signed expiry time", "expired_link"),
        (r"\bbotocore\.|\bboto3\b|when calling the \w{1,40} operation", "elsewhere"),
    )
)
# What clients say of a header that they can't send, and the mistake in it.
_MOST_OF_ERROR = 100_000  # characters
_HEADER_REFUSED = tuple(
    (re.compile(words, re.IGNORECASE), mistake)
    for words, mistake in (
        (r"can only concatenate str \(not \"NoneType", "empty"),
        (r"illegal header value b?['\"]Bearer\s{0,9}['\"]", "empty"),
        (
            (
                r"(?-i:(?:KeyError: |key not found: |Undefined array key )['\"](?:CLEANLIST|API_KEY)[A-Z_]{0,80}['\"])"
                r"|\bcleanlist_\w{1,40}: (?:unbound variable|parameter not set)"
            ),
            "no_variable",
        ),
        (r"codec can't encode characters? ['\"]?\\u2026", "shortened"),
        (
            r"illegal header value|InvalidHeader\b|invalid header (?:field )?value|newline in header|header injection",
            "unsendable",
        ),
        (
            r"ERR_INVALID_CHAR|invalid character in header content|(?:latin-?1|ascii).{0,9} codec can't encode",
            "unsendable",
        ),
        (
            r"header .{0,40}contains? (?:an? )?(?:invalid|non-|illegal|new)|\bByteString\b",
            "unsendable",
        ),
    )
)
_TOPIC_WORDS = (
    (r"maximum (?:number of |of 10 )?(?:active )?(?:api )?keys|\bkeys? limit reached", "key_limit"),
    (r"11th key|too many keys|ten keys", "key_limit"),
    (r"up to 250 contacts|more than 250|too many contacts", "too_many"),
    (r"smart column|stuck on .?pending", "smart_columns"),
    (r"\bcrm\b|hubspot|salesforce|pipedrive|field mapping", "crm_push"),
    (r"lead list|\bDEFAULT (?:list|lead)|list named DEFAULT", "lead_list"),
    (r"rate.?limit|too many requests", "rate_limited"),
    (
        (
            r"\b(?:webhooks?|deliver(?:y|ies|ed))\b.{0,60}\b(?:twice|more than once|(?:two|three|several) times|"
            r"duplicate[sd]?)\b|\bduplicated? (?:webhook|deliver)|\b(?:twice|double)\b.{0,40}\bwebhooks?\b"
        ),
        "twice",
    ),
    (r"(?<![\w$.-])webhooks?(?![\w=(-])|never arrived|\bdeliver(?:y|ies|ed|s)?\b", "no_webhook"),
    (r"insufficient.?scope|(?:missing|lacks?|without|wrong|needs?|requires?)\b.{0,20}\bscope\b.{0,3}\w+:\w", "scope"),
    (r"(?:missing|lacks?|lacking|without|wrong|no) (?:the |a |its )?(?:required )?scope", "scope"),
    (r"\bscopes?\b", "scopes"),
    (r"invalid or expired", "unauthorized"),
    (r"\bkeys?\b.{0,40}\b(?:expired|revoked|deactivated|disabled|inactive|stopped working)\b", "inactive_key"),
    (r"\bkeys?\b.{0,40}(?:no longer works?|(?:not|n.t) work any ?more)\b", "inactive_key"),
    (r"\brevoked (?:our|my|the|a|this) (?:api )?key", "inactive_key"),
    (r"\bkeys?\b.{0,20}(?:n.t|not) (?:be )?(?:work|accept|recogni[sz]ed)", "unauthorized"),
    (r"api_access|feature.?gate", "feature_gate"),
    (
        r"insufficient.?credits|payment required|(?:out of|enough|no|more|few) credits|credits (?:left|missing)",
        "credits",
    ),
    # No second beginning in between: many beginnings must not each look through all that follows.
    (r"lost ((?!lost ).)*?(secret|key)|(secret|key) ((?!(secret|key) ).)*?lost|forgot", "lost_secret"),
    (
        r"(?:before|without|n.t|never|not) (?:i |we )?(?:copy|copied|copying|sav|not)\w{0,4} .{0,20}\b(?:key|secret)",
        "lost_secret",
    ),
    (r"\b(?:e-?mails?|phones?|results?|fields)\b.{0,30}\b(?:null|blank|missing)\b", "empty"),
    (r"empty|nothing found|no results?|no (e-?mail|phone)", "empty"),
    (r"unauthori[sz]ed|invalid.?token|not authenticated", "unauthorized"),
    (r"validation|unprocessable|field required", "shape"),
    (r"bad gateway|time.?out|unavailable|connection (refused|reset)", "upstream"),
)
_TOPICS = tuple((re.compile(words, re.IGNORECASE), topic) for words, topic in _TOPIC_WORDS)


def without_urls(text: str) -> str:
    """Return ``text`` without the addresses and names of tools in it, whose words mean nothing."""
    return _TOOL.sub(" ", _URL.sub(" ", text))


def find_status(text: str) -> int | None:
    """Return the status that ``text`` names, by number or in the usual words; None where it names none."""
    clean = _NO_STATUS.sub(" ", without_urls(text))
    found = [match for pattern in EXPLICIT if (match := pattern.search(clean))]
    if found:
        return int(min(found, key=lambda match: match.start())[1])
    if special := _CLOUDFLARE.search(clean):
        return {"1015": 429, "1020": 403}.get(special[1], 503)
    return None


def find_status_shown(program: str) -> int | None:
    """Return the status that is shown below or in a comment of a program; what the program does with some is none."""
    shown = (found[1] if (found := _COMMENT.search(line)) else line for line in program.splitlines())
    return find_status("\n".join(line for line in shown if _OF_LOG.search(line) or not _OF_PROGRAM.search(line)))


def is_mock(text: str) -> bool:
    """Return whether it is a test that responds in Cleanlist's place, and nothing that a test printed."""
    return bool(_MOCK.search(text, 0, _MOST_OF_ERROR)) and "Traceback" not in text and "Error:" not in text


def find_before_status(text: str) -> str:
    """Return the topic of what kept a request from Cleanlist or an answer from the program; empty where nothing did."""
    return next((topic for pattern, topic in _BEFORE_STATUS if pattern.search(text, 0, _MOST_OF_ERROR)), "")


def find_header_refused(text: str) -> str:
    """Return the mistake in a header that a client refused to send; empty where it says nothing of one."""
    return next((mistake for pattern, mistake in _HEADER_REFUSED if pattern.search(text, 0, _MOST_OF_ERROR)), "")


def find_reason(text: str) -> int | None:
    """Return the status whose usual words are in ``text``."""
    found = _ANY_REASON.search(without_urls(text))
    return _REASONS[found[1].lower().replace("-", "")] if found else None


def find_code(text: str) -> str:
    """Return the topic of the API's own error code in ``text``; empty where there is none."""
    found = _API_CODE.search(without_urls(text))
    return _API_CODES[found[1]] if found else ""


def find_exception(text: str) -> str:
    """Return the topic of an exception that a client's library raised; empty where there is none."""
    clean = without_urls(text)
    return next((topic for pattern, topic in _EXCEPTIONS if pattern.search(clean)), "")


def find_topic(text: str) -> str:
    """Return the topic that a person's words are about; empty where none is recognized."""
    clean = without_urls(text)
    said = "\n".join(line for line in clean.splitlines() if not _SETTING.match(line))
    return next((name for words, name in _TOPICS if words.search(said)), "")
