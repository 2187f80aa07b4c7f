"""Results of attempts to send: whether a mail server's refusal or silence is final or to be tried again.

Only a server's refusal of the address itself makes that undeliverable. Everything else that a server refuses (the
console's sign-in, its sender, its network, a policy, the protocol) would be refused for any address: it is for the
operator to correct, and is tried again meanwhile.
"""

import re
import smtplib
from dataclasses import dataclass

from alerts.models import Attempt

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


@dataclass(frozen=True)
class SendResult:
    """The result of one attempt. ``server_down`` means that the next message would fail now as well."""

    outcome: Attempt.Outcome
    answer: str
    server_down: bool = False


def classify_error(error: OSError) -> SendResult:
    """Return what ``error``, raised while sending, means (smtplib's own are OSErrors too)."""
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
