"""Hands one message to the mail server and returns what that said: Django's backend keeps it to itself."""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

# For one message, from connecting to QUIT. EMAIL_TIMEOUT holds for each byte that is waited for, so a server
# that sends one now and then would never run into it.
DEADLINE_SECONDS = 60.0
# For a check whether it can be reached.
CHECK_SECONDS = 10.0


class _Watchdog:
    """Shuts the connection to the mail server down when the time for one message is over, whatever it waits for."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def remaining(self) -> float:
        """Return how many seconds are left."""
        return max(0.0, self._ends - time.monotonic())

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a connection that is shut down in time; the addresses of ``host`` share it. Raises OSError."""
        problem: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if not self.remaining:
                break
            try:
                connection = socket.create_connection((str(address[0]), int(address[1])), min(timeout, self.remaining))
            except OSError as error:
                problem = error
                continue
            # TLS takes the socket over, so the watchdog needs an end of its own.
            self._socket = connection.dup()
            return connection
        raise problem or TimeoutError("No time was left to reach the mail server.")

    def end(self) -> None:
        """Stop watching the connection."""
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    def _cut(self) -> None:
        with suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


class _DeadlineMixin:
    """Connects through the watchdog, and keeps the reply to DATA, with which the server accepts the message."""

    answer: tuple[int, bytes] = (0, b"")

    def __init__(self, *arguments: Any, watchdog: _Watchdog, **options: Any) -> None:
        self.watchdog = watchdog
        super().__init__(*arguments, **options)

    def data(self, msg: object) -> tuple[int, bytes]:
        """Send the message itself."""
        self.answer = super().data(msg)  # type: ignore[misc]
        return self.answer

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.watchdog.connect(host, port, timeout)


class _PlainConnection(_DeadlineMixin, smtplib.SMTP):
    pass


class _EncryptedConnection(_DeadlineMixin, smtplib.SMTP_SSL):
    context: ssl.SSLContext
    _host: str

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        return self.context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=self._host)


class Backend(EmailBackend):
    """Django's SMTP backend, whose connections end in time and remember the answer."""

    def __init__(self, watchdog: _Watchdog) -> None:
        super().__init__()
        self._watchdog = watchdog

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]
        """Return what makes the connection that the settings ask for."""
        return partial(_EncryptedConnection if self.use_ssl else _PlainConnection, watchdog=self._watchdog)


def transmit(message: EmailMessage) -> str:
    """Send ``message`` within DEADLINE_SECONDS and return the server's answer.

    Raises smtplib.SMTPException or OSError when it was not taken over. Whatever goes wrong after it was (a server
    that dies instead of saying goodbye) is no failure, or it would be sent again.
    """
    if not isinstance(get_connection(), EmailBackend):
        get_connection().send_messages([message])
        return "Written to a file: no mail server is set (EMAIL_URL)."
    watchdog = _Watchdog(DEADLINE_SECONDS)
    try:
        code, text = _hand_over(Backend(watchdog), message)
    except OSError as error:
        if watchdog.remaining:
            raise
        raise TimeoutError("The time for one message was over.") from error
    finally:
        watchdog.end()
    return f"{code} {text.decode(errors='replace')}"


def is_reachable() -> bool:
    """Return whether the mail server accepts our sign-in, or mail is written to files."""
    if not isinstance(get_connection(), EmailBackend):
        return True
    watchdog = _Watchdog(CHECK_SECONDS)
    backend = Backend(watchdog)
    try:
        return bool(backend.open())
    except (OSError, smtplib.SMTPException):
        return False
    finally:
        with suppress(smtplib.SMTPException, OSError):
            backend.close()
        watchdog.end()


def _hand_over(backend: Backend, message: EmailMessage) -> tuple[int, bytes]:
    try:
        backend.open()
        backend._send(message)  # type: ignore[attr-defined]  # noqa: SLF001 - send_messages without the goodbye
        answer: tuple[int, bytes] = getattr(backend.connection, "answer", (0, b""))
        return answer
    finally:
        with suppress(smtplib.SMTPException, OSError):
            backend.close()


def describe_server() -> str:
    """Return where e-mail goes, without credentials."""
    if settings.EMAIL_BACKEND.endswith("EmlFileBackend"):
        return "files in the console's data directory, because EMAIL_URL is not set"
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    return settings.EMAIL_BACKEND.rpartition(".")[2]
