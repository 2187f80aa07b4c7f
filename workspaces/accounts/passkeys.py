"""Whether a passkey may sign in without the password, as its owner chose."""

from allauth.mfa.models import Authenticator

_ALLOWED = "signs_in_alone"


def allow(credential: dict[str, object], *, alone: bool) -> None:
    """Set in the stored data of a new passkey whether it may sign in without the password."""
    credential[_ALLOWED] = alone


def signs_in_alone(passkey: Authenticator) -> bool:
    """Return whether ``passkey`` may sign in without the password. Older ones rely on what the browser reported."""
    credential: dict[str, object] = passkey.data.get("credential", {})
    if _ALLOWED in credential:
        return credential[_ALLOWED] is True
    return bool(passkey.wrap().is_passwordless)
