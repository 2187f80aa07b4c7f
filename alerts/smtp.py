"""Hands one message to the mail server and returns what that said: Django's backend keeps it to itself."""

import smtplib
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend


class _Remembering:
    """Keeps the answer to DATA, with which the server takes the message over."""

    answer: tuple[int, bytes] = (0, b"")

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the message itself."""
        self.answer = super().data(msg)  # type: ignore[misc]
        return self.answer


class _Plain(_Remembering, smtplib.SMTP):
    pass


class _Encrypted(_Remembering, smtplib.SMTP_SSL):
    pass


class Backend(EmailBackend):
    """Django's SMTP backend, whose connections remember the answer."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """Return the class of connection that the settings ask for."""
        return _Encrypted if self.use_ssl else _Plain


def transmit(message: EmailMessage) -> str:
    """Send ``message`` and return the server's answer.

    Raises smtplib.SMTPException or OSError when it was not taken over. Whatever goes wrong after it was (a server
    that dies instead of saying goodbye) is no failure, or it would be sent again.
    """
    if not isinstance(get_connection(), EmailBackend):
        get_connection().send_messages([message])
        return "Written to a file: no mail server is set (EMAIL_URL)."
    backend = Backend()
    try:
        backend.open()
        backend._send(message)  # type: ignore[attr-defined]  # noqa: SLF001 - send_messages without the goodbye
        code, text = getattr(backend.connection, "answer", (0, b""))
    finally:
        with suppress(smtplib.SMTPException, OSError):
            backend.close()
    return f"{code} {text.decode(errors='replace')}"


def describe_server() -> str:
    """Say where e-mail goes, without credentials."""
    if settings.EMAIL_BACKEND.endswith("EmlFileBackend"):
        return "files in the console's data directory, because EMAIL_URL is not set"
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    return settings.EMAIL_BACKEND.rpartition(".")[2]
