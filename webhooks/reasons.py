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
    """One reason for a failed delivery: what it means, what to check, and how to fix it."""

    name: str
    label: str
    meaning: str
    check: str
    fix: str


_REASONS = (
    Reason(
        "server_error",
        "Your endpoint failed (5xx)",
        "The webhook reached your server, but your server returned an internal error.",
        "Check your server log at the time of the attempt. A 502, 503 or 504 usually comes from the proxy in front of "
        "your application, because the application was down or restarting.",
        "Fix the error. It helps to store the webhook, return 200 right away and process it afterwards.",
    ),
    Reason(
        "client_error",
        "Rejected by your endpoint (4xx)",
        "The webhook reached your server, but your server rejected it: a login, a firewall or a "
        "routing rule blocked it.",
        "401 or 403: it requires a password or token, which webhooks don't include. 404 or 405: the path is wrong or "
        "doesn't accept POST. 413: its size limit is smaller than the results. 429: it limits how often it can be "
        "called.",
        "Allow JSON POST requests on this exact path, without a login or CSRF check. To verify a webhook, check that "
        "you started its workflow ID.",
    ),
    Reason(
        "timeout",
        "No response within 10 seconds",
        "Your server didn't respond within the 10-second limit. It may still have received the webhook.",
        "Check how long your code takes to respond. If the request isn't in your server log, a firewall is probably "
        "dropping it silently.",
        "Return 200 as soon as the webhook is stored and process it afterwards. Expect duplicates: the attempt that "
        "timed out may have arrived.",
    ),
    Reason(
        "dns",
        "Host name not found (DNS)",
        "The host name in the URL doesn't resolve to an address, so there was nowhere to send the webhook.",
        "Check the host name for typos. Look it up with a public resolver: a name may resolve only inside "
        "your network.",
        "Correct the URL, or publish an A or AAAA record for the name. New records can take a while to propagate.",
    ),
    Reason(
        "tls",
        "Certificate not accepted (TLS)",
        "Your server was reached, but no secure connection could be established, so nothing was sent.",
        "Check that the certificate hasn't expired, matches this host name, comes from a public authority and is sent "
        "with its intermediate certificates. Browsers tolerate a missing intermediate; servers don't.",
        "Install a valid certificate with its full chain, and renew it automatically.",
    ),
    Reason(
        "refused",
        "Connection refused",
        "The host was found, but nothing accepted the connection.",
        "Check that your server is running and listening on the port in the URL (443 by default), not only on "
        "127.0.0.1, and whether a firewall blocks external traffic.",
        "Start the server or open the port. If it moved, use its new URL.",
    ),
    Reason(
        "not_https",
        "The URL is not https",
        "Webhooks are sent over https only, because they carry personal contact data. This URL doesn't use https.",
        "Check the webhook_url that your code sends with the enrichment.",
        "Serve the endpoint over https and use a URL that starts with https://.",
    ),
    Reason(
        "not_public",
        "The address is not public",
        "The URL leads to an address that exists only inside a network or a machine, such as 127.0.0.1 or 10.x.x.x. "
        "It can't be reached from the internet.",
        "Check what the host name resolves to on the public internet: test names often point to localhost.",
        "Use a URL with a public address. During development, a tunnel can make your machine reachable.",
    ),
    Reason(
        "redirect",
        "Your endpoint redirects (3xx)",
        "Your server responded with a redirect. Cleanlist doesn't follow redirects.",
        "Common causes: http to https, a missing or extra trailing slash, with or without www, or a sign-in page.",
        "Use the URL where the redirect ends, or respond at this URL directly.",
    ),
    Reason(
        "closed",
        "Connection closed without a response",
        "Your server accepted the connection but closed it before sending a valid HTTP response.",
        "Check for an application that crashed or restarted at that moment, a proxy that closed the connection, or "
        "something other than HTTP listening on this port.",
        "Let your server finish the request and return a 2xx, even while shutting down.",
    ),
    Reason(
        "unknown",
        "Failed for another reason",
        "The attempt failed, and its details match none of the usual reasons.",
        "Check the raw status and error message, and your server log at the time of the attempt.",
        "Check the endpoint from here: the check runs the same steps one by one and shows which one fails.",
    ),
)
_BY_NAME = {reason.name: reason for reason in _REASONS}
_LOGIN = (
    "It requires a login or token, or a firewall blocks the call: webhooks include neither. Allow POST requests on "
    "this path without a login or CSRF check, and verify a webhook by its workflow ID."
)
_CONTENT = "Your code rejects the webhook's content. Compare what it expects with the payload in Cleanlist's docs."
# Of the statuses that have a cause of their own: what it is, and what to do.
_ADVICE = {
    400: _CONTENT,
    401: _LOGIN,
    403: _LOGIN,
    404: "There's nothing at this path. Check it for typos, a missing prefix and, with automation tools, whether the "
    "workflow is active and the URL is its production URL.",
    405: "The path exists but doesn't accept POST. Add a POST handler, or use the path that has one.",
    410: "The endpoint was removed, as automation tools do when a workflow is deleted. Use the new URL.",
    413: "The result is larger than your server's limit. Raise it, for example with client_max_body_size in nginx.",
    415: "Your server doesn't accept JSON. Allow Content-Type: application/json on this path.",
    422: _CONTENT,
    429: "Your server limits how often it's called. Raise the limit for this path, or send fewer batches.",
    502: "The proxy in front of your application got no valid response: the application was down or restarting.",
    503: "Your application was overloaded or in maintenance. Return 200 right away and process the webhook afterwards.",
    504: "Your application took too long for the proxy. Return 200 right away and process the webhook afterwards.",
    530: "Cloudflare or a tunnel doesn't reach your server. Start the tunnel, or use its current URL.",
}

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


def advice_on(reason: str, status_code: int | None) -> str:
    """Return what to check and do about an attempt that failed: by its status if that has a cause of its own."""
    known = _BY_NAME.get(reason)
    general = f"{known.check} {known.fix}" if known else ""
    return _ADVICE.get(status_code or 0, general) if reason in {"client_error", "server_error"} else general


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
