"""Explains errors to people, for all pages: what happened, what it means, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from django.utils import timezone

from cleanlist import errors
from cleanlist.errors import CleanlistError
from core import clock
from core.encryption import DecryptionError
from core.formatting import format_time
from workspaces.credentials.clients import AddressNotAllowed, NotConnected

# The kinds of ``{% empty %}`` that an error can cause.
Kind = Literal["not-connected", "expired", "rate-limited", "failed"]
SETTINGS = "workspaces:settings"


@dataclass(frozen=True)
class ErrorMessage:
    """The explanation of an error.

    ``action_url_name`` takes the workspace's slug; if it is empty, the person can only try again. ``upstream`` is
    Cleanlist's own message, if any. ``retry_at`` is when a rate limit ends. ``outcome_unknown`` means that a command
    may have taken effect although no valid response came back.
    """

    kind: Kind
    title: str
    text: str = ""
    fix: str = ""
    action_url_name: str = ""
    action_label: str = ""
    upstream: str = ""
    request_id: str = ""
    retry_at: datetime | None = None
    outcome_unknown: bool = False

    @property
    def sentence(self) -> str:
        """Return the whole message as one line, for a toast or an audit event."""
        parts = [f"{self.title}.", self.text, self.fix]
        if self.request_id:
            parts.append(f"Request ID: {self.request_id}.")
        return " ".join(part for part in parts if part)


def explain(error: Exception) -> ErrorMessage:
    """Return the explanation of ``error``, with times in the viewer's time zone.

    It knows all classes of ``cleanlist.errors`` and our own exceptions; for others it refers to the log.
    """
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return _with_facts(words(error), error)
    return ErrorMessage(
        "failed", "Something went wrong in this console", fix="Try again. Details are in the console's log."
    )


def explain_kind(kind: str, message: str, request_id: str = "") -> ErrorMessage:
    """Explain an error from the name of its class and its message, as ``Poll`` stores them."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, CleanlistError):
        return explain(found(message, request_id=request_id or None))
    if kind in _OURS:
        return explain(_OURS[kind](message))
    return ErrorMessage("failed", "The last sync failed", text=message, request_id=request_id)


def _with_facts(explanation: ErrorMessage, error: Exception) -> ErrorMessage:
    if not isinstance(error, CleanlistError):
        return explanation
    text = explanation.text
    if error.outcome_unknown:
        text = f"{text} The command may or may not have taken effect.".strip()
    return replace(
        explanation,
        text=text,
        upstream=error.said,
        request_id=error.request_id or "",
        outcome_unknown=error.outcome_unknown,
    )


def _said(error: CleanlistError) -> str:
    """Return Cleanlist's own message as a sentence."""
    text = error.message.strip()
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def _session_expired(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "expired",
        "Management session expired",
        _said(error),
        "Paste a new session token, or add a Clerk client session, which renews itself.",
        SETTINGS,
        "Renew the session",
    )


def _not_authenticated(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "expired",
        "Cleanlist did not accept the credential",
        _said(error),
        "It was revoked, has expired or is incomplete. Enter an active one.",
        SETTINGS,
        "Replace the credential",
    )


def _scope_missing(error: CleanlistError) -> ErrorMessage:
    required = getattr(error, "required_scope", None)
    granted = ", ".join(getattr(error, "granted_scopes", ())) or ""
    return ErrorMessage(
        "failed",
        f"The credential lacks the scope {required}" if required else "The credential lacks a scope",
        f"It has: {granted}." if granted else _said(error),
        "Scopes belong to the key's owner in Cleanlist. Use the key of someone who has this scope.",
        SETTINGS,
        "Use another key",
    )


def _feature_gated(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "failed",
        "Your Cleanlist plan doesn't include this",
        _said(error),
        "Upgrade the plan in Cleanlist under Settings > Billing. Revoking keys works on every plan.",
    )


def _forbidden(error: CleanlistError) -> ErrorMessage:
    fix = error.fix or "Ask your organization's Cleanlist administrator what this credential can do."
    return ErrorMessage("failed", "Cleanlist denied this", _said(error), fix)


def _too_few_credits(error: CleanlistError) -> ErrorMessage:
    shortfall = getattr(error, "shortfall", None)
    text = f"{shortfall:,} credits are missing." if shortfall is not None else _said(error)
    return ErrorMessage("failed", "The organization is out of credits", text, error.fix or "")


def _not_found(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "failed",
        "Not found in Cleanlist",
        _said(error),
        "It may have been removed, or the API address in the settings is wrong.",
        SETTINGS,
        "Check the API address",
    )


def _key_limit(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "failed",
        "Active key limit reached",
        _said(error),
        "Revoke a key you no longer need, then create the new one.",
        "keys:list",
        "View active keys",
    )


def _invalid(error: CleanlistError) -> ErrorMessage:
    listed = " ".join(f"{item.where}: {item.message}." for item in error.validation_errors[:5])
    return ErrorMessage("failed", "Cleanlist rejected the input", listed or _said(error), error.fix or "")


def _bad_request(error: CleanlistError) -> ErrorMessage:
    fix = error.fix or "Fix what the message names, then try again."
    return ErrorMessage("failed", "Cleanlist rejected the request", _said(error), fix)


def _rate_limited(error: CleanlistError) -> ErrorMessage:
    fix = "The limit covers all calls of your organization, including your own traffic."
    if not error.retry_after:
        return ErrorMessage("rate-limited", "Rate limited by Cleanlist", "Wait a minute, then try again.", fix)
    until = clock.cached_now() + timedelta(seconds=error.retry_after)
    when = f"{timezone.localtime(until):%H:%M:%S}"
    return ErrorMessage(
        "rate-limited",
        f"Rate limited until {when}",
        f"Cleanlist accepts calls again on {format_time(until, seconds=True)}.",
        fix,
        retry_at=until,
    )


def _no_connection(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "failed",
        "Can't reach Cleanlist",
        _said(error),
        "Check the API address and the console's network connection, then try again.",
    )


def _timed_out(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage("failed", "Cleanlist timed out", _said(error), "Try again in a moment.")


def _server_failed(error: CleanlistError) -> ErrorMessage:
    status = f" ({error.status})" if error.status else ""
    return ErrorMessage("failed", f"Cleanlist server error{status}", _said(error), "Try again in a moment.")


def _not_the_api(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage(
        "failed",
        "Unexpected response from the API",
        _said(error),
        "Check the API address, and whether a proxy responds instead of Cleanlist.",
        SETTINGS,
        "Check the API address",
    )


def _other(error: CleanlistError) -> ErrorMessage:
    return ErrorMessage("failed", "The call to Cleanlist failed", _said(error), error.fix or "Try again in a moment.")


def _not_connected(error: Exception) -> ErrorMessage:
    return ErrorMessage("not-connected", "Not connected", str(error), "", SETTINGS, "Open settings")


def _address(error: Exception) -> ErrorMessage:
    return ErrorMessage("failed", "This API address is not allowed", str(error), "", SETTINGS, "Open settings")


def _cannot_open(error: Exception) -> ErrorMessage:
    return ErrorMessage(
        "not-connected", "A stored credential can't be decrypted", str(error), "", SETTINGS, "Enter it again"
    )


_OURS: dict[str, type[Exception]] = {
    **{kind.__name__: kind for kind in (NotConnected, AddressNotAllowed, DecryptionError)},
    "CannotOpen": DecryptionError,  # its former name, which old rows still contain
}
# Subclasses come before their base classes.
_WORDS: list[tuple[type[Exception], Callable[..., ErrorMessage]]] = [
    (errors.SessionExpired, _session_expired),
    (errors.AuthenticationError, _not_authenticated),
    (errors.InsufficientScope, _scope_missing),
    (errors.FeatureGated, _feature_gated),
    (errors.Forbidden, _forbidden),
    (errors.InsufficientCredits, _too_few_credits),
    (errors.NotFound, _not_found),
    (errors.KeyLimitReached, _key_limit),
    (errors.ValidationFailed, _invalid),
    (errors.BadRequest, _bad_request),
    (errors.RateLimited, _rate_limited),
    (errors.ConnectionFailed, _no_connection),
    (errors.TimedOut, _timed_out),
    (errors.ServerFailed, _server_failed),
    (errors.UpstreamUnavailable, _no_connection),
    (errors.UnexpectedResponse, _not_the_api),
    (CleanlistError, _other),
    (NotConnected, _not_connected),
    (AddressNotAllowed, _address),
    (DecryptionError, _cannot_open),
]
