"""Secrets at rest: sealed with MultiFernet, so that keys can be rotated, and opened only where they are used."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from cleanlist import Secret


class CannotOpen(Exception):
    """The stored secret was sealed with a key that is no longer in ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class Sealed:
    """A secret as it lies in the database. Its repr shows nothing."""

    __slots__ = ("ciphertext",)

    def __init__(self, ciphertext: str) -> None:
        self.ciphertext = ciphertext

    @classmethod
    def seal(cls, secret: Secret) -> "Sealed":
        """Return ``secret`` encrypted with the first of ENCRYPTION_KEYS."""
        return cls(_fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(secret.reveal().encode()).decode())

    def open(self) -> Secret:
        """Return the secret. Raises CannotOpen when none of ENCRYPTION_KEYS fits."""
        try:
            return Secret(_fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(self.ciphertext.encode()).decode())
        except InvalidToken:
            raise CannotOpen(
                "A stored credential cannot be decrypted: ENCRYPTION_KEYS no longer holds the key that sealed it. "
                "Restore that key, or enter the credential again."
            ) from None

    @property
    def opens(self) -> bool:
        """Say whether one of ENCRYPTION_KEYS fits."""
        try:
            self.open()
        except CannotOpen:
            return False
        return True

    @property
    def is_current(self) -> bool:
        """Say whether it was sealed with the first of ENCRYPTION_KEYS."""
        try:
            _fernet((settings.ENCRYPTION_KEYS[0],)).decrypt(self.ciphertext.encode())
        except InvalidToken:
            return False
        return True

    def resealed(self) -> "Sealed":
        """Return the same secret sealed with the first of ENCRYPTION_KEYS. Raises CannotOpen when no key fits."""
        return Sealed.seal(self.open())

    def __repr__(self) -> str:
        return "Sealed(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.ciphertext == self.ciphertext

    def __hash__(self) -> int:
        return hash(self.ciphertext)


# Django's fields take type parameters in the stubs only.
if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]
else:
    TextField = models.TextField


class SealedField(TextField):
    """A column that holds a Sealed secret, or null."""

    if TYPE_CHECKING:  # how django-stubs learns what may be assigned
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: object) -> Sealed | None:
        """Wrap the ciphertext; nothing is decrypted until it is needed."""
        return None if value is None else Sealed(value)

    def to_python(self, value: object) -> Sealed | None:
        """Accept what the column itself gives; a bare string is refused, so that no secret is stored in clear."""
        if value is None or isinstance(value, Sealed):
            return value
        raise TypeError("Only a Sealed secret can be stored here.")

    def get_prep_value(self, value: object) -> str | None:
        """Return the ciphertext."""
        sealed = self.to_python(value)
        return None if sealed is None else sealed.ciphertext
