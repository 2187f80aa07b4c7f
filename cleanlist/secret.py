"""A string that is never displayed by accident."""

import hmac
import re
from typing import Final, NoReturn, Self

_MASK: Final = "**********"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


class Secret:
    """Holds an API key, a token or a cookie; `reveal()` is the only way to get its text.

    `repr`, `str` and formatting show a mask, so that a secret in a log line, a traceback with locals or a template
    renders harmlessly. Pickling raises `TypeError`, so that none ends up in a cache or a task queue.
    """

    __slots__ = ("__text",)

    def __init__(self, text: "str | Secret") -> None:
        self.__text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Return the text itself. Review each call of this method."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A Secret is not pickled; encrypt the result of reveal() where it must be kept")


def header_value(text: "Secret | str") -> Secret:
    """Return the secret if it fits into a header.

    Raises `ValueError` without the text; a library that noticed later would quote it in its own error.
    """
    secret = Secret(text)
    if not _VISIBLE.fullmatch(secret.reveal()):
        raise ValueError("A credential must be one run of visible ASCII characters, without spaces")
    return secret
