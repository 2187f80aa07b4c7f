"""The tree of exceptions.

CleanlistError
├── AuthenticationError            401: key or session not accepted
│   └── SessionExpired             noticed before anything was sent
├── Forbidden                      403 with no known reason
│   ├── InsufficientScope          the credential lacks a scope
│   └── FeatureGated               the plan lacks a feature
├── InsufficientCredits            402, or 400 `insufficient_credits`
├── NotFound                       404
├── BadRequest                     any other 4xx
│   ├── ValidationFailed           422, or 400 `validation_error`
│   └── KeyLimitReached            the user already has the most active keys allowed
├── RateLimited                    429
├── UpstreamUnavailable            worth trying again later
│   ├── ConnectionFailed           no connection, or it broke
│   ├── TimedOut                   no answer in time
│   └── ServerFailed               5xx
└── UnexpectedResponse             a response that is not what the API documents
    └── ResponseTooLarge           and was not read to its end
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypedDict, Unpack


@dataclass(frozen=True, slots=True)
class ItemError:
    """One problem with one part of a request, such as `("body", "contacts", 7)`."""

    loc: tuple[str | int, ...]
    message: str
    type: str | None = None

    @property
    def where(self) -> str:
        """`loc` in readable form: `contacts[7].first_name`."""
        parts = self.loc[1:] if self.loc[:1] in {("body",), ("query",), ("path",)} else self.loc
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")


class ErrorFields(TypedDict, total=False):
    """The attributes of every exception; see `CleanlistError`."""

    status: int | None
    code: str | None
    fix: str | None
    request_id: str | None
    retry_after: float | None
    validation_errors: Sequence[ItemError]
    body: str
    said: str
    outcome_unknown: bool


class CleanlistError(Exception):
    """Base of all exceptions that this package raises for a call.

    `message` says what happened and `fix` what to do about it. `status`, `code` and `request_id` come from the response
    if there was one; so does `said`, the message in its body, which is empty if there was none. `retry_after` is in
    seconds. `body` is a short excerpt without anything that looks like a secret; it is empty if the response may
    contain a new secret.
    """

    default_fix: ClassVar[str | None] = None

    def __init__(self, message: str = "", **facts: Unpack[ErrorFields]) -> None:
        super().__init__(message)
        self.message = message
        self.status = facts.get("status")
        self.code = facts.get("code")
        self.fix = facts.get("fix") or self.default_fix
        self.request_id = facts.get("request_id")
        self.retry_after = facts.get("retry_after")
        self.validation_errors = tuple(facts.get("validation_errors", ()))
        self.body = facts.get("body", "")
        self.said = facts.get("said", "")
        self._outcome_unknown = facts.get("outcome_unknown", False)

    @property
    def outcome_unknown(self) -> bool:
        """Whether a command may have taken effect upstream although no valid response came back.

        False if it certainly did not (no connection, a refusal), and for every call that changes nothing.
        """
        return self._outcome_unknown


class AuthenticationError(CleanlistError):
    """The credential was not accepted: missing, malformed, expired or revoked."""

    default_fix = "Check that the API key is active and complete, or renew the management session."


class SessionExpired(AuthenticationError):
    """The management session has expired; nothing was sent to the API."""

    default_fix = "Sign in to Cleanlist again and paste a new session token."


class Forbidden(CleanlistError):
    """The credential is known but may not do this."""


class InsufficientScope(Forbidden):
    """The credential lacks a scope: `required_scope` is not among `granted_scopes`."""

    default_fix = "Use a key whose owner has the scope. whoami lists a credential's scopes."
    required_scope: str | None = None
    granted_scopes: tuple[str, ...] = ()


class FeatureGated(Forbidden):
    """The plan does not include what the call needs."""

    default_fix = "Upgrade the plan in Cleanlist under Settings > Billing."


class InsufficientCredits(CleanlistError):
    """The organization has too few credits; each amount is None if upstream did not say."""

    default_fix = "Top up in Cleanlist under Settings > Billing. Credits arrive within seconds."
    shortfall: Decimal | None = None
    available: Decimal | None = None
    estimated: Decimal | None = None


class NotFound(CleanlistError):
    """Upstream has no such object, or the base URL is wrong."""


class BadRequest(CleanlistError):
    """Upstream refused the request."""


class ValidationFailed(BadRequest):
    """Parts of the request are invalid; `validation_errors` says which."""

    default_fix = "Fix the fields named in the message, then try again."


class KeyLimitReached(BadRequest):
    """The user already has as many active keys as Cleanlist allows."""

    default_fix = "Revoke a key you no longer need, then create the new one."


class RateLimited(CleanlistError):
    """Too many requests; `retry_after` says for how long, if upstream did."""

    default_fix = "Wait and try again."


class UpstreamUnavailable(CleanlistError):
    """The API could not be reached or could not answer; a later attempt may succeed."""

    default_fix = "Try again in a moment."


class ConnectionFailed(UpstreamUnavailable):
    """No connection could be made, or it broke."""

    default_fix = "Check the API address and the network connection, then try again."


class TimedOut(UpstreamUnavailable):
    """No response in the time allowed."""


class ServerFailed(UpstreamUnavailable):
    """Upstream responded with a 5xx."""


class UnexpectedResponse(CleanlistError):
    """The response is not what the API documents: an HTML page, empty, truncated, or of another shape."""

    default_fix = "Check that the API address is a Cleanlist API and that no proxy responds instead."


class ResponseTooLarge(UnexpectedResponse):
    """The response was larger than the limit and was not read to its end."""
