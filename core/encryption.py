"""Encrypts stored secrets with MultiFernet, so that keys can be rotated. Code decrypts them only where it uses them."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from cleanlist import Secret


class DecryptionError(Exception):
    """The stored secret was encrypted with a key that is no longer in ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedValue:
    """An encrypted secret, as stored in the database. Its repr shows nothing."""

    __slots__ = ("ciphertext",)

    def __init__(self, ciphertext: str) -> None:
        self.ciphertext = ciphertext

    @classmethod
    def encrypt(cls, secret: Secret) -> "EncryptedValue":
        """Return ``secret`` encrypted with the first of ENCRYPTION_KEYS."""
        return cls(_fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(secret.reveal().encode()).decode())

    def decrypt(self) -> Secret:
        """Return the secret. Raises DecryptionError if none of ENCRYPTION_KEYS fits."""
        try:
            return Secret(_fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(self.ciphertext.encode()).decode())
        except InvalidToken:
            raise DecryptionError(
                "A stored credential can't be decrypted: ENCRYPTION_KEYS no longer contains its key. "
                "Restore that key, or enter the credential again."
            ) from None

    @property
    def is_decryptable(self) -> bool:
        """Return whether one of ENCRYPTION_KEYS fits."""
        try:
            self.decrypt()
        except DecryptionError:
            return False
        return True

    @property
    def is_current(self) -> bool:
        """Return whether it was encrypted with the first of ENCRYPTION_KEYS."""
        try:
            _fernet((settings.ENCRYPTION_KEYS[0],)).decrypt(self.ciphertext.encode())
        except InvalidToken:
            return False
        return True

    def reencrypted(self) -> "EncryptedValue":
        """Return the secret encrypted with the first of ENCRYPTION_KEYS. Raises DecryptionError if no key fits."""
        return EncryptedValue.encrypt(self.decrypt())

    def __repr__(self) -> str:
        return "EncryptedValue(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncryptedValue) and other.ciphertext == self.ciphertext

    def __hash__(self) -> int:
        return hash(self.ciphertext)


# Django's fields are generic in the stubs only.
if TYPE_CHECKING:
    TextField = models.TextField[object, Any]
else:
    TextField = models.TextField


class EncryptedField(TextField):
    """A field for an EncryptedValue, or null."""

    if TYPE_CHECKING:  # tells django-stubs which types can be assigned
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> EncryptedValue | None:
        """Wrap the ciphertext without decrypting it."""
        return None if value is None else EncryptedValue(value)

    def to_python(self, value: object) -> EncryptedValue | None:
        """Refuse plain strings, so that no secret is stored in clear text."""
        if value is None or isinstance(value, EncryptedValue):
            return value
        raise TypeError("Only an EncryptedValue can be stored here.")

    def get_prep_value(self, value: object) -> str | None:
        encrypted = self.to_python(value)
        return None if encrypted is None else encrypted.ciphertext
