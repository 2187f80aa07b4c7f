"""Recognizes what a receiver of webhooks returned or got: its answers are the user's own server's, not Cleanlist's."""

import re
from collections.abc import Iterator, Mapping

from troubleshooting.cases import RECEIVER, Case, is_workflow_id
from troubleshooting.check_result import CheckResult
from troubleshooting.client_topics import TWICE
from troubleshooting.pasted.request import decoded
from webhooks.reasons import advice_on, reason_named, reason_of
from workspaces.models import Workspace

_MOST_ATTEMPTS, _MOST_OF_LOG = 1000, 100_000
_ATTEMPT = {"response_status_code", "attempt_number"}
_EVENT = re.compile(r"enrichment\.\w{1,40}", re.ASCII)
# A line of an access log of one's own server; paths of the API are its.
_ACCESS = re.compile(
    r"\bPOST[ \t]+(?:https?://(?![^/\s]{0,200}cleanlist\.)[^/\s]{1,200})?(?!/api/v\d)/([^\s\"]{0,200})([^\n{]{0,80})",
    re.IGNORECASE,
)
_HOOK = re.compile(r"hook|callback|cleanlist", re.IGNORECASE)
_API = re.compile(r"/api/v\d/")
# A delivery attempt, told in a line; why it got no answer; and what shows that it was a request to Cleanlist.
_DELIVERY = re.compile(
    r"\bwebhook[ _](?:url\b|attempt|delivery)|\bdelivery (?:to|of|attempt)\b|\battempt(?:[ _]number)?\W{0,3}\d/5\b|"
    r"\bdeliver(?:ing)? .{0,40}webhook",
    re.IGNORECASE,
)
_CONNECTING = {"dns", "tls", "refused", "not_public"}
_TO_CLEANLIST = re.compile(r"cleanlist\.[a-z]{2}|/api/v\d/", re.IGNORECASE)
_WORKFLOW = re.compile(r"(?<![\w-])public_bulk_[\w-]{1,60}", re.ASCII)
# What databases say when a workflow is stored another time.
_STORED_ALREADY = re.compile(
    r"duplicate key value violates unique constraint \W{0,3}\w{0,60}(?:workflow|webhook|delivery|event)|"
    r"UNIQUE constraint failed: [\w.]{0,60}(?:workflow|webhook|delivery|event)|"
    r"Duplicate entry '(?:public_bulk_|[^'\n]{1,80}' for key \W?[\w.]{0,60}(?:workflow|webhook|delivery|event))|"
    r"E11000 duplicate key error.{0,120}(?:workflow|webhook|delivery|event)",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.:/-])([345]\d\d)(?![\d.:/-])")


# What frameworks and hosts say in a log of one's own: words, whether they need a webhook beside them, what it is.
_OWN: tuple[tuple[str, re.Pattern[str], bool, str, str, str], ...] = tuple(
    (name, re.compile(words, re.IGNORECASE), needs_hook, title, text, fix)
    for name, words, needs_hook, title, text, fix in (
        (
            "csrf",
            (
                r"InvalidAuthenticityToken|CSRF verification failed|CSRF token (?:mismatch|missing|incorrect)|"
                r"TokenMismatchException|invalid csrf token|EBADCSRFTOKEN|CSRF (?:cookie not set|Failed)|"
                r"Forbidden \((?:CSRF|Origin checking|Referer checking)"
            ),
            False,
            "Your endpoint's CSRF check rejected the webhook",
            "A webhook has no form and no session, so it has no CSRF token. Your framework answered, not Cleanlist.",
            (
                "Turn the check off for this path only: skip_forgery_protection in Rails, csrf_exempt in Django, an "
                "exception in Laravel's VerifyCsrfToken."
            ),
        ),
        (
            "size",
            r"PayloadTooLargeError|request entity too large|client intended to send too large body",
            True,
            "The webhook is larger than your endpoint allows",
            "Your server or framework refused the body; Cleanlist didn't.",
            "Raise the limit for this path: express.json({limit: '10mb'}), client_max_body_size in nginx.",
        ),
        (
            "signature",
            r"(?:signature|hmac).{0,40}(?:mismatch|invalid|failed|not match|missing)|(?:invalid|bad|missing) signature",
            True,
            "Your endpoint refused the webhook for its signature",
            (
                "This isn't about the API key. By its docs, Cleanlist doesn't sign webhooks; where your proxy does, "
                "the secret differs, or the body was parsed before it was compared."
            ),
            "Verify a webhook by its workflow ID, or compare the raw body with the same secret on both sides.",
        ),
        (
            "slow",
            r"Task timed out after [\d.]{1,9} seconds|Function execution took|FUNCTION_INVOCATION_TIMEOUT",
            True,
            "Your function took too long",
            "Your function was stopped before it responded.",
            "Store the webhook, return 200 right away and process it afterwards; raise the function's timeout too.",
        ),
        (
            "port",
            (
                r"ERR_NGROK_8012|failed to establish a connection to the local address|"
                r"Unable to reach the origin service.{0,200}connection refused"
            ),
            False,
            "Nothing listens on your tunnel's local port",
            "The tunnel is running and got the webhook, but no server accepted it on your machine.",
            "Start your server, or start the tunnel with the port that the server listens on.",
        ),
        (
            "tunnel",
            r"ERR_NGROK_\d{3,5}|endpoint [^\s]{1,100} is offline|tunnel [^\s]{1,100} not found",
            False,
            "Your tunnel is offline",
            "The address is a tunnel's, and no tunnel is running for it.",
            "Start the tunnel and use its current URL as webhook_url: free tunnels get a new one at each start.",
        ),
        (
            "body",
            r"json_decode\(\).{0,80}\bnull\b|of (?:undefined|null) \(reading '(?:workflow_id|event|results)'\)",
            True,
            "Your endpoint didn't read the webhook's body",
            "Your code got nothing to parse: the body was read before, under another name, or as a form.",
            "Read the raw JSON body: file_get_contents('php://input') in PHP, express.json() in front of the route.",
        ),
    )
)


def _own_error(text: str) -> str:
    is_of_hook = bool(_HOOK.search(text)) and not _API.search(text)
    text = text[:_MOST_OF_LOG]
    return next((name for name, words, needs, *_ in _OWN if (is_of_hook or not needs) and words.search(text)), "")


def _reason_told(text: str) -> str:
    """Return why a delivery failed of which a text tells, and not a request to Cleanlist; empty for all else."""
    if not _DELIVERY.search(text) or _TO_CLEANLIST.search(text):
        return ""
    reason = reason_of(None, text, None)
    return reason if reason in _CONNECTING else ""


def _told_workflow(text: str) -> str:
    found = _WORKFLOW.search(text)
    return found[0] if found and is_workflow_id(found[0]) else ""


def find_receiver(text: str) -> Case | None:
    """Return the case of a webhook's payload, of attempts in the delivery log, or of an own access log; or None."""
    body = decoded(text)
    if isinstance(body, dict) and isinstance(body.get("event"), str) and _EVENT.fullmatch(body["event"]):
        return Case("webhook_payload", "delivery", workflow=_workflow_of(body))
    attempts = list(_attempts(body))
    if attempts:
        return _of_attempts(attempts)
    if _STORED_ALREADY.search(text, 0, _MOST_OF_LOG):
        return Case(TWICE, "delivery", workflow=_told_workflow(text))
    if own := _own_error(text) or _reason_told(text[:_MOST_OF_LOG]):
        return Case("no_webhook", "delivery", code=f"{RECEIVER}{own}", workflow=_told_workflow(text))
    found = _ACCESS.search(text)
    status = _STATUS.search(found[2]) if found and _HOOK.search(found[1]) else None
    return Case("no_webhook", "delivery", code=f"{RECEIVER}{status[1]}") if status else None


def _attempts(body: object) -> Iterator[Mapping[str, object]]:
    """Yield the attempts of the delivery log, whether it is a list, one attempt or an object around a list."""
    if isinstance(body, dict) and not body.keys() & _ATTEMPT:
        body = next((value for value in body.values() if isinstance(value, list) and value), None)
    for each in (body if isinstance(body, list) else [body])[:_MOST_ATTEMPTS]:
        if isinstance(each, dict) and each.keys() & _ATTEMPT:
            yield each


def _of_attempts(attempts: list[Mapping[str, object]]) -> Case:
    """Return the case of the latest attempt that failed; where all were acknowledged, only the workflow's."""
    numbered = [(number if isinstance(number := each.get("attempt_number"), int) else 0, each) for each in attempts]
    for _, each in sorted(numbered, key=lambda one: one[0], reverse=True):
        status, error = each.get("response_status_code"), each.get("error_message")
        code = status if isinstance(status, int) and 100 <= status < 600 else None
        reason = reason_of(code, error if isinstance(error, str) else "", None)
        if reason and (code or error):
            return Case("no_webhook", "delivery", code=f"{RECEIVER}{code or reason}", workflow=_workflow_of(each))
    return Case("workflow", "delivery", workflow=_workflow_of(attempts[0]))


def _workflow_of(values: Mapping[str, object]) -> str:
    name = values.get("workflow_id")
    return name if isinstance(name, str) and is_workflow_id(name) else ""


def receiver(_: Workspace, case: Case) -> CheckResult:
    """Return why a receiver didn't acknowledge a webhook, and what to do about it."""
    name = case.code.removeprefix(RECEIVER)
    own = next((one for one in _OWN if one[0] == name), None)
    if own is not None:
        return CheckResult("failed", f"{own[3]}. {own[4]}", title=own[3], fix=own[5])
    code = int(name) if re.fullmatch(r"[1-5]\d\d", name, re.ASCII) else None
    reason = reason_named(reason_of(code, "", None) if code else name)
    if not case.code.startswith(RECEIVER) or reason is None:
        return CheckResult("skipped", "Paste an attempt of the delivery log to see why it failed.")
    returned = f"Your endpoint returned {code}" if code else reason.label
    return CheckResult("failed", f"{returned}. {reason.meaning}", title=returned, fix=advice_on(reason.name, code))
