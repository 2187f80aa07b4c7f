"""E-mail backend for use without a mail server: writes each message to a readable file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class EmlFileBackend(BaseEmailBackend):
    """Writes each message to ``MAIL_DIR`` as an ``.eml`` file that any mail program opens (mode 0600)."""

    def __init__(self, *args: object, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.directory = Path(settings.MAIL_DIR)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and return their number."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            self._write(message)
        return len(email_messages)

    def _write(self, message: EmailMessage) -> None:
        # The name sorts by time; the random part separates messages of the same time.
        name = f"{timezone.now():%Y%m%dT%H%M%S.%fZ}-{uuid4().hex[:8]}.eml"  # noqa: TID251 - a name
        part = self.directory / f".{name}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(message.message().as_bytes())
        # Renamed, so that readers of the directory never see half a message.
        part.rename(self.directory / name)
