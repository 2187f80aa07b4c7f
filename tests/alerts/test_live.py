"""The whole console as `make run` starts it, with a short interval: from the sandbox's balance to the reader."""

import re
import time
from email import message_from_bytes, policy

import httpx
import pytest

from tests.alerts.conftest import Mailbox
from tests.console_process import RunningConsole

INTERVAL, ALLOWED = 2, 5  # seconds: between two readings, and from a reading to the e-mail


class Reader:
    """An owner who looks at the alerts page, and whose mail arrives in one of two ways."""

    def __init__(self, console, mailbox):
        self.console, self.mailbox = console, mailbox
        known = console.sandbox_credentials()
        self.organization = known["organization_id"]
        self.control = httpx.Client(base_url=console.sandbox_url, headers={"X-Sandbox-Control": known["control_token"]})
        self.browser = httpx.Client(base_url=console.url, follow_redirects=True)
        form = self.browser.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)[1]
        fields = {"login": console.email, "password": console.password, "csrfmiddlewaretoken": token}
        self.browser.post(form.url, data=fields, headers={"Referer": console.url})

    def set_balance(self, credits_):
        body = {"organization_id": self.organization, "credits": credits_}
        self.control.post("/_sandbox/credits", json=body).raise_for_status()

    @property
    def page(self):
        answer = self.browser.get("/w/sandbox/alerts/")
        assert answer.status_code == 200
        return answer.text.partition(">Rules</h2>")[0]

    @property
    def mails(self):
        """What was written about the balance, in order."""
        found = self.mailbox.messages if self.mailbox else self._files()
        return [mail for mail in found if "credits left" in mail["Subject"]]

    def _files(self):
        files = sorted((self.console.var_dir / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def wait_for(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.1)
        assert condition()


@pytest.fixture(params=["a mail server", "files, the embedded default"])
def reader(request, tmp_path, tables):
    mailbox = Mailbox() if request.param == "a mail server" else None
    variables = {"EMAIL_URL": f"smtp://127.0.0.1:{mailbox.port}"} if mailbox else {}
    if mailbox:
        mailbox.start()
    console = RunningConsole(tmp_path, tables=tables, POLL_BALANCE_SECONDS=str(INTERVAL), **variables)
    console.start()
    somebody = Reader(console, mailbox)
    yield somebody
    somebody.browser.close()
    somebody.control.close()
    console.stop()
    if mailbox:
        mailbox.stop()


def test_a_fall_is_on_the_page_and_in_the_mail_within_an_interval_and_five_seconds(reader):
    # The sandbox has traffic of its own, so a balance is soon a little less than what it was set to.
    reader.set_balance(100_000)
    reader.wait_for(lambda: re.search(r"100,000|99,\d{3}", reader.browser.get("/w/sandbox/usage/").text), 20)

    reader.set_balance(0)  # the one level of the beginning that does not wait for running enrichments
    fallen = re.compile(r"Sandbox: 0 credits left|>0 credits left")
    reader.wait_for(lambda: len(reader.mails) == 1 and fallen.search(reader.page), INTERVAL + ALLOWED)

    for credits_ in (8, 3, 8, 3):
        reader.set_balance(credits_)
        time.sleep(INTERVAL)
    reader.set_balance(150_000)
    reader.wait_for(lambda: len(reader.mails) == 2, INTERVAL + ALLOWED)

    fired, resolved = reader.mails
    assert fallen.search(fired["Subject"])
    assert resolved["Subject"].startswith("Resolved: Sandbox: 1")
    assert resolved["In-Reply-To"] == fired["Message-ID"]
