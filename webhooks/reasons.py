"""Why a webhook was not accepted: a few reasons in plain words, read from upstream's raw fields.

The list follows the service's own troubleshooting page (``docs/cleanlist-api.md``); the words are the console's.
"""

import re
from dataclasses import dataclass

# A receiver has this long to acknowledge; a little less is taken for it too, as durations are rounded.
RESPONSE_TIMEOUT_MS = 10_000
_NEARLY_TIMEOUT_MS = 9_900
# Enough of any message to find its reason.
_MAX_CHARACTERS = 2_000


@dataclass(frozen=True)
class Reason:
    """One reason for a failed delivery: what it means, what to look at, and what helps."""

    name: str
    label: str
    meaning: str
    check: str
    fix: str


_REASONS = (
    Reason(
        "server_error",
        "Your endpoint failed (5xx)",
        "The webhook reached your server, and your server answered that something went wrong inside it.",
        "Check your server's own log at the time of the attempt: the error is there. A 502, 503 or 504 usually "
        "comes from the proxy in front of it, because the program behind was down or restarting.",
        "Correct the error. It helps to store the webhook first, answer 200 at once, and work on it afterwards.",
    ),
    Reason(
        "client_error",
        "Your endpoint said no (4xx)",
        "The webhook reached your server, and your server refused it: a login, a firewall or a routing rule did not "
        "let it through.",
        "401 or 403: something asks for a password or token, which webhooks do not carry. 404 or 405: the path is "
        "wrong, or does not take POST. 413: it accepts less than the results need. 429: it limits how often it may "
        "be called.",
        "Let POST requests with JSON through on exactly this path, without a login and without a CSRF check. To know "
        "that a webhook is yours, look its workflow id up among those you started.",
    ),
    Reason(
        "timeout",
        "No answer within 10 seconds",
        "Nothing came back from your server in the 10 seconds that it has. It may still have got the webhook.",
        "See how long your code works before it answers. If the request is not in your server's log at all, a "
        "firewall probably swallows it without a word.",
        "Answer 200 as soon as the webhook is stored, and do the work afterwards. Expect to see the same workflow "
        "twice: the attempt that timed out may have arrived.",
    ),
    Reason(
        "dns",
        "The host name was not found (DNS)",
        "The name in the URL leads to no address, so there was nowhere to send the webhook.",
        "Read the host name letter by letter. Ask a public resolver for it, because a name that works only inside "
        "your network does not work from outside.",
        "Correct the URL, or publish an A or AAAA record for the name. New records can take a while to be seen.",
    ),
    Reason(
        "tls",
        "The certificate was not accepted (TLS)",
        "Your server was reached, but no secure connection came about, so nothing was sent.",
        "Look whether the certificate has expired, is made for this very host name, comes from a public authority, "
        "and is sent together with its intermediate certificates. Browsers forgive a missing one, servers do not.",
        "Install a valid certificate with its whole chain, and have it renewed by itself.",
    ),
    Reason(
        "refused",
        "Connection refused",
        "The host is known, but nothing there took the connection.",
        "Look whether your server runs, listens on the port in the URL (443 if it names none) and on more than "
        "127.0.0.1, and whether a firewall turns strangers away.",
        "Start the server, or open the port. If it moved, use its new URL.",
    ),
    Reason(
        "not_https",
        "The URL is not https",
        "Webhooks are sent over https only, because they carry people's contact data. This URL begins otherwise.",
        "Look at the webhook_url that your code sends with the enrichment.",
        "Serve the endpoint over https, and give the URL with https:// in front.",
    ),
    Reason(
        "not_public",
        "The address is not public",
        "The URL leads to an address that exists only inside a network or a machine, such as 127.0.0.1 or 10.x.x.x. "
        "From outside nobody gets there.",
        "Look what the host name resolves to from the public internet: names for tests often point to localhost.",
        "Give a URL with a public address. While you develop, a tunnel can make your machine reachable.",
    ),
    Reason(
        "redirect",
        "Your endpoint redirects (3xx)",
        "Your server answered that the endpoint is somewhere else. Redirects are not followed.",
        "Usual causes: http to https, a missing or superfluous slash at the end, with or without www, or a page that "
        "asks to sign in.",
        "Give the URL at which the redirect ends, or have your server answer at this one directly.",
    ),
    Reason(
        "closed",
        "Connection closed without an answer",
        "Your server took the connection and ended it before it had given a valid HTTP answer.",
        "Look for a program that crashed or restarted at that moment, for a proxy that cut the connection, and "
        "whether something other than HTTP listens on this port.",
        "Let your server finish the request and answer with a 2xx, also while it shuts down.",
    ),
    Reason(
        "unknown",
        "Failed for another reason",
        "The attempt failed, and what is known of it fits none of the usual reasons.",
        "Read the status and the error message as they came, and your server's log at the time of the attempt.",
        "Check the endpoint from here: it goes through the same steps one by one and says which one fails.",
    ),
)
_BY_NAME = {reason.name: reason for reason in _REASONS}

# Alternatives of one pattern each, tried in this order: a look-up that timed out is a matter of DNS, and many messages
# name TLS though it never came to that. Spellings of the common HTTP libraries of Python, Go, Node and Java are here.
_WORDS: dict[str, tuple[str, ...]] = {
    "not_https": (
        r"must (use|be|begin with|start with) ['\"]?https",
        r"(?<!\w)not (an? )?https|(only|requires?) https|https (is )?(required|only)",
        r"unsupported (protocol|scheme)|plain http\b",
    ),
    "not_public": (
        r"not (a )?public|publicly reachable|non-public|ssrf",
        r"(private|internal|reserved|loopback|link-local|blocked) (ip|address|network|range)",
    ),
    "dns": (
        r"\bdns\b|no such host|name or service not known|name resolution|no address associated|unknown ?host",
        r"nodename nor servname|getaddrinfo|enotfound|eai_again|nxdomain|servfail|\blookup \S+",
        r"(could not|couldn't|failed to) (be )?resolve|resolving timed out",
    ),
    "timeout": (r"time[ds]?[ -]?out|deadline exceeded|took (longer|too long)|no (answer|response) (with)?in\b",),
    "refused": (
        r"connection refused|econnrefused|actively refused|connect call failed|connection attempts failed",
        r"no route to host|unreachable|(failed to|couldn't|could not) connect",
    ),
    "tls": (
        r"(?<![a-z])(tls|ssl|x509)|certificate|(?<![a-z])cert_|_cert(?![a-z])|handshake|pkix|self[- _]signed",
        r"eproto(?![a-z])",
    ),
    "redirect": (r"redirect|moved permanently",),
    "closed": (
        r"clos(ed|ing)|disconnected|connection (was )?(reset|aborted|broken)|reset by peer|econnreset",
        r"broken pipe|epipe|hang up|hung up|(?<![a-z])eof(?![a-z])|empty reply|protocol ?error",
        r"(invalid|malformed|bad|without a valid) (http )?(response|answer|status line)",
    ),
}
_PATTERNS = {name: re.compile("|".join(parts), re.IGNORECASE) for name, parts in _WORDS.items()}
_URL = re.compile(r"\b[a-z]{2,10}://[^\s'\"<>]{1,2000}", re.IGNORECASE)
_STATUS_IN_WORDS = re.compile(r"(?:\b(?:http|status|code|error|response)\b\W{0,4}){1,3}([1-5]\d\d)\b", re.IGNORECASE)


def all_reasons() -> list[Reason]:
    """Return every reason, in the order in which people are shown them."""
    return list(_REASONS)


def reason_named(name: str) -> Reason | None:
    """Return the reason of that name; None for a name that is none."""
    return _BY_NAME.get(name)


def reason_of(status_code: int | None, error: str, duration_ms: int | None) -> str:
    """Return the name of the reason why an attempt failed; empty for one that a receiver accepted.

    What the receiver answered counts before what the message says: a 504 is the endpoint's own, whatever timed out.
    """
    words = _URL.sub(" ", error[:_MAX_CHARACTERS])
    by_status = _by_status(status_code)
    if by_status:
        return by_status
    accepted = status_code is not None and 200 <= status_code < 300
    if accepted and not error.strip() and (duration_ms or 0) <= RESPONSE_TIMEOUT_MS:
        return ""
    by_words = next((name for name, pattern in _PATTERNS.items() if pattern.search(words)), "") or _by_status_in(words)
    if by_words:
        return by_words
    too_late = duration_ms is not None and duration_ms >= _NEARLY_TIMEOUT_MS
    return "timeout" if too_late else "unknown"


def _by_status(status_code: int | None) -> str:
    """Return the reason that a status alone implies; empty for success, and without a valid status."""
    classes = {3: "redirect", 4: "client_error", 5: "server_error"}
    return classes.get((status_code or 0) // 100, "")


def _by_status_in(words: str) -> str:
    """Return the reason by a status that only the message contains, as in "HTTP 503"."""
    found = _STATUS_IN_WORDS.search(words)
    return _by_status(int(found[1])) if found else ""
