"""When two e-mail addresses are the same one."""

from string import ascii_lowercase, ascii_uppercase

from django.core.exceptions import ValidationError
from django.utils.encoding import punycode

INVALID_EMAIL = "That is not an e-mail address, such as operations@example.com."
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def normalize_email(address: str) -> str:
    """Return ``address`` as addresses are compared where one is the proof of who somebody is: A to Z in lower case.

    Other letters stay as they are. Python and PostgreSQL take some for letters of ASCII when they change the case (the
    Kelvin sign for k, the dotless i for i, the long s for s), and such an address is another mailbox.
    """
    return address.translate(_LOWER)


def punycode_domain(address: str) -> str:
    """Return a valid ``address`` with its domain as the DNS has it, so that one that only looks like another shows.

    Raises ValidationError for one whose mailbox has other letters than ASCII, or whose domain cannot be a name.
    """
    mailbox, _, domain = address.rpartition("@")
    try:
        if not mailbox.isascii():
            raise ValidationError(INVALID_EMAIL)
        return f"{mailbox}@{punycode(domain)}"
    except UnicodeError:
        raise ValidationError(INVALID_EMAIL) from None


def fold_email(address: str) -> str:
    """Return the same for all addresses that any database could take for one and the same: what limits count by."""
    return address.upper().casefold()
