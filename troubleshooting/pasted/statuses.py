"""Finds in an error's text which status it was, or what else went wrong. Explicit statuses come first, words last."""

import re

_URL = re.compile(r"\bhttps?://[^\s\"'<>]+|(?<=url: )/\S+", re.IGNORECASE)
_REASONS = {
    "unauthorized": 401, "unauthorised": 401, "payment required": 402, "forbidden": 403, "method not allowed": 405,
    "request timeout": 408, "payload too large": 413, "content too large": 413, "request entity too large": 413,
    "unsupported media type": 415, "unprocessable entity": 422, "unprocessable content": 422, "too many requests": 429,
    "internal server error": 500, "bad gateway": 502, "service unavailable": 503, "gateway timeout": 504,
    "bad request": 400, "not found": 404,
}  # fmt: skip
_REASON = "|".join(_REASONS).replace("timeout", "time-?out")
_CODE = r"([45]\d\d)(?!\d|[.,]\d|\s*(?:ms|s|contacts|credits|rows|requests|bytes)\b)"
_NAMED = (
    r"(?:http[ _-]?|response[ _-]?|error[ _-]?)?(?:status|code)(?:[ _-]?code)?|http(?:/[\d.]+)?|http[ _-]?error|"
    r"errors?|exception|got(?: an?| status)?|gets?|returned|returns?|returning|responded(?: with)?|answered|received|"
    r"failed with|failed|rejected with|an?|with|response"
)
_WORDS = rf"client error|server error|error\b|{_REASON}"
EXPLICIT = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b(?:{_NAMED})[\"']?(?!\s{{0,3}}[=!]=)[ \t]{{0,3}}[:=#(\[\"'-]{{0,3}}[ \t]{{0,2}}[\"']?{_CODE}",
        rf"(?<![\w.:/-]){_CODE}[\"')\]]?[ \t]{{0,2}}[-\u2013\u2014:]?[ \t]{{0,2}}(?:{_WORDS})",
        rf"^[^\w\n]{{0,6}}{_CODE}(?:[^\w\n]{{0,6}}$|[ \t]{{1,3}}[-\u2013\u2014])",
        rf"[\[(]{_CODE}[\])]",
    )
)
_ANY_REASON = re.compile(rf"\b({_REASON})\b", re.IGNORECASE)
_API_CODES = {
    "invalid_token": "unauthorized", "insufficient_scope": "scope", "feature_gated": "feature_gate",
    "insufficient_credits": "credits", "spend_cap_exceeded": "credits", "rate_limited": "rate_limited",
    "validation_error": "shape", "json_invalid": "shape",
}  # fmt: skip
_API_CODE = re.compile(rf"(?<![\w-])({'|'.join(_API_CODES)})(?![\w-])")
_CLOUDFLARE = re.compile(r"\b(?:error(?: code)?|cloudflare)\W{0,3}(10[0-2]\d|52\d)\b", re.IGNORECASE)
_EXCEPTIONS = tuple(
    (re.compile(words, re.IGNORECASE), topic)
    for words, topic in (
        (r"blocked by CORS|CORS policy|Access-Control-Allow-Origin|CORS (?:header|error|request)", "cors"),
        (r"TypeError: (?:Failed to fetch|Load failed)|NetworkError when attempting", "cors"),
        (
            r"ENOTFOUND|EAI_AGAIN|getaddrinfo|NXDOMAIN|name or service not known|could ?n[o']t resolve|no such host",
            "upstream",
        ),
        (
            r"UnknownHost|NameResolution|nodename nor servname|SSLError|SSL_|CERT_|certificate|TLS |handshake",
            "upstream",
        ),
        (
            r"ECONN\w+|E(?:SOCKET)?TIMEDOUT|EPIPE|socket hang up|fetch failed|connection ?(?:refused|reset|aborted)",
            "upstream",
        ),
        (r"failed to connect|couldn't connect|unable to connect|max retries exceeded|remote ?disconnected", "upstream"),
        (
            r"ConnectionError|ConnectTimeout|ReadTimeout|SocketException|HttpRequestException|deadline exceeded",
            "upstream",
        ),
        (r"timed? ?-?out|bad gateway|unavailable|broken pipe|connection closed|empty reply from server", "upstream"),
        (
            r"JSONDecodeError|unexpected token|unexpected end of JSON|expecting value|not valid JSON|JSON\.parse",
            "upstream",
        ),
        (r"invalid character '<'|JsonParse|JsonReader|unexpected character .{0,20}JSON|DOCTYPE", "upstream"),
    )
)


def without_urls(text: str) -> str:
    """Return ``text`` without the addresses in it, whose words mean nothing."""
    return _URL.sub(" ", text)


def find_status(text: str) -> int | None:
    """Return the status that ``text`` names, by number or in the usual words; None where it names none."""
    clean = without_urls(text)
    found = [match for pattern in EXPLICIT if (match := pattern.search(clean))]
    if found:
        return int(min(found, key=lambda match: match.start())[1])
    if special := _CLOUDFLARE.search(clean):
        return {"1015": 429, "1020": 403}.get(special[1], 503)
    return None


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
