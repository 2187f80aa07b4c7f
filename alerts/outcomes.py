"""What an attempt to send came to: what a mail server's refusal or silence means for the next one."""

import smtplib
from dataclasses import dataclass

from alerts.models import Attempt

Outcome = Attempt.Outcome


@dataclass(frozen=True)
class Result:
    """How one attempt went. ``server_down`` means that the next message would fare no better now."""

    outcome: Attempt.Outcome
    answer: str
    server_down: bool = False


def result_of(error: OSError) -> Result:
    """Return what ``error``, raised while sending, means (smtplib's own are OSErrors too)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return Result(_by_code(code), said(code, words))
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_answer(error)
    # smtplib reports a reply that does not come as a hang-up, caused by the time-out.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return Result(Outcome.DEFERRED, "The mail server did not answer in time.", server_down=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return Result(Outcome.DEFERRED, f"The mail server hung up: {error}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        text = f"The mail server cannot do what EMAIL_URL asks for: {error}"
        return Result(Outcome.DEFERRED, text, server_down=True)
    return Result(Outcome.DEFERRED, f"The mail server could not be reached: {error}", server_down=True)


def _of_answer(error: smtplib.SMTPResponseException) -> Result:
    """Tell faults of our own settings, which can be put right, from the server's word on this message."""
    answer = said(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Result(Outcome.DEFERRED, f"The mail server refused the console's sign-in: {answer}", server_down=True)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Result(Outcome.DEFERRED, f"The mail server refused the sender {error.sender} (EMAIL_FROM): {answer}")
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return Result(Outcome.DEFERRED, answer, server_down=True)
    return Result(_by_code(error.smtp_code), answer)


def _by_code(code: int) -> Attempt.Outcome:
    """Return "refused" for a 5xx, the server's last word; a 4xx (greylisting) asks to come back later."""
    return Outcome.REFUSED if 500 <= code < 600 else Outcome.DEFERRED


def said(code: int, text: bytes | str) -> str:
    """Return a server's answer as one text."""
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
