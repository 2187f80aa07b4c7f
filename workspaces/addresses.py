"""When two e-mail addresses are the same one."""

from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def plain_address(address: str) -> str:
    """Return ``address`` as addresses are compared where one is the proof of who somebody is: A to Z in lower case.

    Other letters stay as they are. Python and PostgreSQL take some for letters of ASCII when they change the case (the
    Kelvin sign for k, the dotless i for i, the long s for s), and such an address is another mailbox.
    """
    return address.translate(_LOWER)


def folded(address: str) -> str:
    """Return the same for all addresses that any database could take for one and the same: what limits count by."""
    return address.upper().casefold()
