"""Credentials: an API key, a pasted session token, or (in `clerk_session`) a session that mints tokens."""

import re
from datetime import UTC, datetime
from typing import Final, Protocol

import jwt

from cleanlist.errors import SessionExpired
from cleanlist.secret import Secret, header_value
from cleanlist.secret_formats import API_KEY_PREFIX, EXTENSION_KEY_PREFIX, KEY_LENGTH
from cleanlist.timeouts import Deadline

_QUOTES: Final = "[\"'`\u2018\u2019\u201c\u201d]"  # straight and typographic


class Credential(Protocol):
    """A source of bearer tokens."""

    def token(self, deadline: Deadline) -> Secret:
        """Return a valid token. Raises `SessionExpired` if there is none."""

    async def token_async(self, deadline: Deadline) -> Secret:
        """Return a token without blocking."""

    def discard(self, token: Secret) -> bool:
        """Discard a token that upstream refused. Return whether another one is available."""


class _FixedToken:
    """A fixed token."""

    def __init__(self, token: Secret | str) -> None:
        self._token = header_value(token)

    def token(self, deadline: Deadline) -> Secret:  # noqa: ARG002 - the protocol's signature
        """Return the token."""
        return self._token

    async def token_async(self, deadline: Deadline) -> Secret:
        """Return the token."""
        return self.token(deadline)

    def discard(self, token: Secret) -> bool:  # noqa: ARG002 - the protocol's signature
        """Return False: there is no other token."""
        return False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._token!r})"


class ApiKeyCredential(_FixedToken):
    """An API key, `clapi_…`. Raises `ValueError` for one that does not fit into a header."""


class StaticSession(_FixedToken):
    """A pasted session token (JWT): valid until it expires, about a minute after it was issued.

    `expires_at` is read from the token without verifying it, which is upstream's task; None if unreadable.
    """

    def __init__(self, token: Secret | str) -> None:
        super().__init__(token)
        self.expires_at: datetime | None = token_expiry(self._token)

    def token(self, deadline: Deadline) -> Secret:
        """Return the token. Raises `SessionExpired`, without a request, if the token has expired."""
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            raise SessionExpired(f"The session token expired at {self.expires_at:%Y-%m-%d %H:%M:%S} UTC")
        return super().token(deadline)


def token_expiry(token: Secret) -> datetime | None:
    """Return the time in a JWT's `exp` without verifying it; None if it cannot be read."""
    try:
        claims = jwt.decode(token.reveal(), options={"verify_signature": False, "verify_exp": False})
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def describe_key_format(text: str) -> str | None:
    """Describe the format error of a pasted API key; None if there is none.

    The description never contains the key. The documented format is `clapi_` and 48 random bytes in URL-safe base64.
    """
    extra_text = _describe_extra_text(text)
    if extra_text:
        return extra_text
    if text.startswith(EXTENSION_KEY_PREFIX):
        return "This key (clext_…) belongs to the browser extension and is not valid here; use a clapi_… key."
    if not text.startswith(API_KEY_PREFIX):
        return "An API key starts with clapi_."
    return _describe_key_body(text.removeprefix(API_KEY_PREFIX))


def _describe_extra_text(text: str) -> str | None:
    if not text.strip():
        return "Paste the API key."
    if re.search(r"\bbearer\s", text, re.IGNORECASE):
        return 'Leave out "Bearer" and what stands before it; paste the key alone.'
    if re.search(_QUOTES, text):
        return "Leave out the quotes around the key."
    if re.search(r"\s", text):
        return "The key has a space or a line break in it; paste it whole and alone."
    return None


def _describe_key_body(body: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", body):
        return "The key has a character that API keys do not use; paste it whole and alone."
    length = len(API_KEY_PREFIX) + len(body)
    if length != KEY_LENGTH:
        return f"An API key has {KEY_LENGTH} characters; this one has {length}. Was a part left out?"
    return None
