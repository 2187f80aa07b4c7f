"""What keys and session tokens look like, as parts of patterns. Whoever looks for them builds on these."""

from typing import Final

API_KEY_PREFIX: Final = "clapi_"
EXTENSION_KEY_PREFIX: Final = "clext_"
KEY_PREFIXES: Final = (API_KEY_PREFIX, EXTENSION_KEY_PREFIX)
KEY_LENGTH: Final = len(API_KEY_PREFIX) + 64  # 48 random bytes in URL-safe base64
KEY_START: Final = "cl(?:api|ext)_"


def session_token(shortest: int = 1) -> str:
    """Return a pattern whose one group matches if it is a token (RFC 7519), even with the signature cut off.

    Text that only begins like one, without a dot, is matched as a whole too: restarting the search at each of its
    characters would take quadratic time for a long one. ``shortest`` is the length of its first part.
    """
    return rf"eyJ[\w-]{{{shortest},}}(\.[\w-]+(?:\.[\w-]*)?)?"
