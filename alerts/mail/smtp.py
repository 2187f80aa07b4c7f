"""Hands one message to the mail server and returns what that said, and whether a refusal is final.

Django's backend keeps the answer to itself.
"""

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

from alerts.models import Attempt
from alerts.models.notification import STORED

# For one message, from connecting to QUIT. EMAIL_TIMEOUT holds for each byte that is waited for, so a server
# that sends one now and then would never run into it.
DEADLINE_SECONDS = 60.0
# For a check whether it can be reached.
CHECK_SECONDS = 10.0
Outcome = Attempt.Outcome
ENHANCED = re.compile(r"(?:\d{3}[ -])?([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")
# RFC 3463: class 5, subject 1 is about addresses; its 7 and 8 are about the sender's. Mailboxes that are switched off
# or full for good have their codes under subject 2.
OF_SENDER = {(1, "7"), (1, "8")}
OF_MAILBOX = {(2, "1"), (2, "2")}
# Without an enhanced code: the mailbox is not there, has moved, is full, or has a name that cannot be.
NO_MAILBOX = {550, 551, 552, 553}
# Words of relays that use those codes for refusing the console, not the address.
REFUSES_US = re.compile(
    r"relay|authenticat|auth\b|log ?in|sign in|policy|spam|block|black ?list|block ?list|denied|not permitted|"
    r"not allowed|sender|client|helo|ehlo|\bip\b|reputation|rate|spf|dkim|dmarc|reverse|rdns|ptr|tls",
    re.IGNORECASE,
)


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
        return f"{STORED}: no mail server is set (EMAIL_URL)."
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


def has_server() -> bool:
    """Return whether e-mails go to a mail server, not to files."""
    return isinstance(get_connection(), EmailBackend)


def describe_server() -> str:
    """Return where e-mail goes, without credentials."""
    if settings.EMAIL_BACKEND.endswith("EmlFileBackend"):
        return "files in the console's data directory"
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    return settings.EMAIL_BACKEND.rpartition(".")[2]


@dataclass(frozen=True)
class SendResult:
    """The result of one attempt. ``server_down`` means that the next message would fail now as well."""

    outcome: Attempt.Outcome
    answer: str
    server_down: bool = False


def classify_error(error: OSError) -> SendResult:
    """Return what ``error``, raised while sending, means (smtplib's own are OSErrors too).

    Only a server's refusal of the address itself makes that undeliverable. Everything else that a server refuses (the
    console's sign-in, its sender, its network, a policy, the protocol) would be refused for any address: it is for the
    operator to correct, and is tried again meanwhile.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return _of_refusal(code, format_reply(code, words), at_recipient=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_answer(error)
    # smtplib reports a reply that does not come as a hang-up, caused by the time-out.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return SendResult(Outcome.DEFERRED, "The mail server did not answer in time.", server_down=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return SendResult(Outcome.DEFERRED, f"The mail server hung up: {error}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        text = f"The mail server cannot do what EMAIL_URL asks for: {error}"
        return SendResult(Outcome.DEFERRED, text, server_down=True)
    return SendResult(Outcome.DEFERRED, f"The mail server could not be reached: {error}", server_down=True)


def _of_answer(error: smtplib.SMTPResponseException) -> SendResult:
    """Separate faults of our own settings, which can be corrected, from the server's refusal of this message."""
    answer = format_reply(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return SendResult(
            Outcome.DEFERRED, f"The mail server refused the console's sign-in: {answer}", server_down=True
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return SendResult(Outcome.DEFERRED, f"The mail server refused the sender {error.sender} (EMAIL_FROM): {answer}")
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return SendResult(Outcome.DEFERRED, answer, server_down=True)
    return _of_refusal(error.smtp_code, answer, at_recipient=False)


def _of_refusal(code: int, answer: str, *, at_recipient: bool) -> SendResult:
    """Return "refused" if the server rejects the address for good; a 4xx (greylisting) asks to try again later."""
    if not 500 <= code < 600:
        return SendResult(Outcome.DEFERRED, answer)
    if _is_of_address(code, answer, at_recipient=at_recipient):
        return SendResult(Outcome.REFUSED, answer)
    return SendResult(Outcome.DEFERRED, f"The mail server refused the console's message, not the address: {answer}")


def _is_of_address(code: int, answer: str, *, at_recipient: bool) -> bool:
    """Return whether a 5xx is about the recipient's address: by its enhanced code, or by command and wording."""
    if enhanced := ENHANCED.match(answer.lstrip()):
        place = int(enhanced[2]), str(int(enhanced[3]))
        return enhanced[1] == "5" and (place in OF_MAILBOX or (place[0] == 1 and place not in OF_SENDER))
    return at_recipient and code in NO_MAILBOX and not REFUSES_US.search(answer)


def format_reply(code: int, text: bytes | str) -> str:
    """Return code and text of a reply in one line."""
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
