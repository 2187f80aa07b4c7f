import email
import stat

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection


@pytest.fixture
def send(settings, tmp_path):
    """Send a message to a file and return the file."""
    settings.MAIL_DIR = tmp_path / "mail"

    def send_one(subject="Credits run low", body="Top up."):
        message = EmailMultiAlternatives(subject, body, "console@example.test", ["owner@example.test"])
        message.attach_alternative("<p>Top up.</p>", "text/html")
        message.connection = get_connection("config.mail.EmlFileBackend")
        assert message.send() == 1
        return max(settings.MAIL_DIR.iterdir())

    return send_one


def test_a_message_is_a_file_that_a_mail_program_can_open(send):
    parsed = email.message_from_bytes(send().read_bytes())
    assert (parsed["Subject"], parsed["To"]) == ("Credits run low", "owner@example.test")
    assert [part.get_content_type() for part in parsed.get_payload()] == ["text/plain", "text/html"]


def test_nobody_else_can_read_it(send):
    path = send()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_files_sort_in_the_order_of_sending(send, settings):
    sent = [send(subject=f"number {number}").name for number in range(5)]
    assert sorted(path.name for path in settings.MAIL_DIR.iterdir()) == sent


def test_a_line_break_cannot_smuggle_a_header_in(send):
    with pytest.raises(ValueError, match="newlines"):
        send(subject="Hello\nBcc: everyone@example.test")
