"""Checks that this process has the encryption keys of the stored credentials."""

from collections.abc import Iterator

from core.encryption import DecryptionError, EncryptedValue
from workspaces.models import ManagementSession, Workspace

OPEN_NOTHING = (
    "None of the stored credentials can be decrypted: ENCRYPTION_KEYS no longer holds the key that sealed them, so the "
    "other processes of this console could not open what is stored now."
)


def check_encryption_keys() -> None:
    """Raise DecryptionError if credentials are stored and ENCRYPTION_KEYS decrypts none of them.

    The keys may be those of another or a former console. The other processes of this one could not decrypt anything
    that is encrypted with them.
    """
    is_any_stored = False
    for sealed in _stored():
        if sealed.is_decryptable:
            return
        is_any_stored = True
    if is_any_stored:
        raise DecryptionError(OPEN_NOTHING)


def _stored() -> Iterator[EncryptedValue]:
    for model, column in ((Workspace, "api_key"), (ManagementSession, "client_token"), (ManagementSession, "token")):
        rows = model._default_manager.exclude(**{column: None}).order_by("-pk")  # noqa: SLF001 - documented
        yield from rows.values_list(column, flat=True).iterator(100)
