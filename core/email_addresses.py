"""Comparison of email addresses."""

from string import ascii_lowercase, ascii_uppercase

from django.core.exceptions import ValidationError
from django.utils.encoding import punycode

INVALID_EMAIL = "Enter an email address, such as operations@example.com."
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def normalize_email(address: str) -> str:
    """Return ``address`` with A to Z in lower case, for comparisons where the email address proves who somebody is.

    Other letters are unchanged. Python and PostgreSQL map some of them to ASCII when they change the case (the Kelvin
    sign to k, the dotless i to i, the long s to s), but such an address is a different mailbox.
    """
    return address.translate(_LOWER)


def punycode_domain(address: str) -> str:
    """Return a valid ``address`` with its domain in punycode, which exposes look-alike domains.

    Raises ValidationError if the mailbox is not ASCII or the domain is no valid name.
    """
    mailbox, _, domain = address.rpartition("@")
    try:
        if not mailbox.isascii():
            raise ValidationError(INVALID_EMAIL)
        return f"{mailbox}@{punycode(domain)}"
    except UnicodeError:
        raise ValidationError(INVALID_EMAIL) from None


def fold_email(address: str) -> str:
    """Return one key for all email addresses that some database may consider equal. Limits count by it."""
    return address.upper().casefold()
