"""Text that means harm travels from upstream and from forms through every page, file and line, and does none."""

import csv
import io
import logging
from html.parser import HTMLParser

import pytest
from django.test import Client

from cleanlist import Secret
from config.log.configuration import logging_config
from core.encryption import EncryptedValue
from tests.fixtures import API_KEY
from webhooks.tracked_workflows import look_up
from workspaces import services
from workspaces.audit.events import CONSOLE, Actor, record_event
from workspaces.models import Action, AuditEvent, ManagementSession, Membership, Poll, Role, Workspace
from workspaces.services import Credentials

from .hostile_upstream import ATTACKS, ON_A_PAGE, WORKFLOW
from .sign_in import sign_in
from .url_names import PARTS, url_for
from .url_table import rows

pytestmark = pytest.mark.django_db(transaction=False)
KEY_ID = "11111111-2222-4333-8444-555555555555"
LARGEST_PAGE = 400_000
PAGES = [
    name for name, method, expected, _ in rows() if method == "GET" and expected["owner"] == "200" and name in PARTS
]
NUMBERS = [-1, 0, 10**9, 2**31, 2**63, 10**30, -(10**30), 1e308, 0.1]


class Elements(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.targets = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.targets += [value or "" for name, value in attrs if name in {"href", "src", "action", "formaction"}]


def assert_harmless(response, *, echoed=False):
    """Hold for every answer; ``echoed`` is what somebody typed and gets back alone, as they typed it."""
    assert response.status_code < 500
    text = response.getvalue().decode()
    if "html" in response["Content-Type"]:
        elements = Elements(text)
        assert "xss" not in elements.tags
        assert not {name for name in elements.attributes if name.startswith("on")}
        assert not [target for target in elements.targets if target.strip().lower().startswith("javascript:")]
        assert echoed or len(text) < LARGEST_PAGE
    assert echoed or not set(text) & set("\x00\x01\x07\x1b\u202e\u2066\u2067")
    assert "Bcc" not in response.headers


@pytest.fixture
def hostile(hostile_server, settings):
    settings.CLEANLIST_API_ORIGINS = [*settings.CLEANLIST_API_ORIGINS, hostile_server.url]
    hostile_server.refusing, hostile_server.number = False, 7
    return hostile_server


@pytest.fixture
def victim(hostile, owner, workspace):
    """The workspace of the cast, connected to the hostile server."""
    workspace.base_url = hostile.url
    workspace.organization_id = ""
    workspace.save()
    ManagementSession.objects.create(
        workspace=workspace,
        kind="clerk",
        frontend_api_url=hostile.url,
        session_id="sess_x",
        client_token=EncryptedValue.encrypt(Secret("client")),
    )
    return workspace


def read_everything(workspace):
    services.describe_workspace(workspace, _whoami(workspace))
    for resource in ("balance", "keys"):
        services.refresh(workspace, resource)
    services.refresh(workspace, "requests", subject=KEY_ID)
    services.refresh(workspace, "deliveries")
    look_up(workspace, WORKFLOW)


def _whoami(workspace):
    credentials = Credentials(api_key=Secret(API_KEY))
    return services.check_connection(workspace.base_url, credentials.for_api_key(), None).whoami


def pages_of(browser, workspace, ways=({},)):
    names = {"slug": workspace.slug, "key_id": KEY_ID, "workflow_id": WORKFLOW}
    for name in PAGES:
        if set(PARTS[name]) <= set(names):
            for headers in ways:
                yield name, browser.get(url_for(name, names), headers=headers)


@pytest.mark.parametrize("attack", ON_A_PAGE)
def test_what_upstream_says_is_shown_and_does_nothing(victim, owner, hostile, attack):
    hostile.text = ATTACKS[attack]
    read_everything(victim)
    browser = sign_in(Client(raise_request_exception=False), owner)
    # A part of a page is a piece of the page's own template: a few attacks show that none is left out.
    ways = ({}, {"HX-Request": "true"}) if attack in {"script", "control", "long"} else ({},)
    for _, response in pages_of(browser, victim, ways):
        assert_harmless(response)


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 503])
@pytest.mark.parametrize("attack", ["script", "control", "long", "lines"])
def test_what_upstream_refuses_with_is_shown_and_does_nothing(victim, owner, hostile, attack, status):
    hostile.text, hostile.refusing = ATTACKS[attack], status
    for resource in ("balance", "keys"):
        services.refresh(victim, resource)
    browser = sign_in(Client(raise_request_exception=False), owner)
    for page in ("", "keys/", "settings/", "audit/"):
        assert_harmless(browser.get(f"/w/{victim.slug}/{page}"))
    assert all(len(poll.last_error) <= 2000 for poll in Poll.objects.all())


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_no_account_has_break_no_page(victim, owner, hostile, number):
    hostile.text, hostile.number = "plain", number
    read_everything(victim)
    browser = sign_in(Client(raise_request_exception=False), owner)
    for name, response in pages_of(browser, victim):
        assert response.status_code < 500, name


@pytest.mark.parametrize("attack", ON_A_PAGE)
def test_commands_answer_with_upstreams_words_and_do_nothing_else(victim, owner, hostile, attack):
    hostile.text = "plain"
    read_everything(victim)
    hostile.text = ATTACKS[attack]
    browser = sign_in(Client(raise_request_exception=False), owner)
    for refusing in (False, 400, 500):
        hostile.refusing = refusing
        for path, form in (
            (f"keys/{KEY_ID}/revoke/", {}),
            ("keys/revoke-all/", {"phrase": "revoke all keys"}),
            ("keys/new/", {"name": "x", "expiry": "never", "form_id": "7f6c1f3e-7e5b-4c58-9a3e-1d6d8c2f4a12"}),
            ("settings/api-key/", {"api_key": API_KEY}),
        ):
            assert_harmless(browser.post(f"/w/{victim.slug}/{path}", form))
    assert_harmless(browser.get(f"/w/{victim.slug}/audit/"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_audit_trail_and_its_files_are_harmless(victim, owner, attack):
    text = ATTACKS[attack]
    actor = Actor(owner, "203.0.113.9", text, text)
    record_event(Action.KEY_CREATED, actor, workspace=victim, subject=(text, text), message=text, a={text: text})
    browser = sign_in(Client(raise_request_exception=False), owner)
    assert_harmless(browser.get(f"/w/{victim.slug}/audit/"))
    for file_format in ("csv", "jsonl"):
        answer = browser.post(f"/w/{victim.slug}/audit/export/", {"format": file_format})
        content = b"".join(answer.streaming_content).decode()
        assert len(content) < 200_000
        if file_format == "csv":
            for row in csv.reader(io.StringIO(content)):
                assert not [cell for cell in row if cell.lstrip("\t ")[:1] in set("=+@") or "\n" in cell]
        else:
            assert content.isascii()


@pytest.mark.parametrize("attack", ON_A_PAGE)
def test_what_people_type_is_kept_as_text_or_refused(victim, owner, attack, client):
    text = ATTACKS[attack]
    browser = sign_in(Client(raise_request_exception=False), owner)
    details = {"name": text, "base_url": victim.base_url}
    for path, form in (
        ("/account/", {"name": text, "time_zone": text}),
        ("/account/", {"name": text, "time_zone": ""}),
        (f"/w/{victim.slug}/settings/details/", details),
        (f"/w/{victim.slug}/settings/details/", {"name": "x", "base_url": text}),
        (f"/w/{victim.slug}/members/invite/", {"email": f"{text}@example.test", "role": text}),
        (f"/w/{victim.slug}/settings/remove/", {"phrase": text}),
        (f"/w/{victim.slug}/troubleshoot/", {"text": text}),
        (f"/w/{victim.slug}/troubleshoot/body/", {"body": text}),
        (
            f"/w/{victim.slug}/troubleshoot/bundle/",
            dict.fromkeys(("message", "tried", "body", "workflow", "until"), text),
        ),
        ("/w/connect/", {**details, "api_key": text, "session_kind": text}),
        ("/accounts/login/", {"login": text, "password": text}),
    ):
        assert_harmless(browser.post(path, form), echoed=True)
        assert_harmless(browser.get(f"/w/{victim.slug}/"))
    for page in ("/", "/account/", f"/w/{victim.slug}/members/", f"/w/{victim.slug}/settings/"):
        assert_harmless(browser.get(page))


@pytest.mark.parametrize("attack", ON_A_PAGE)
def test_query_strings_headers_and_cookies_are_harmless(victim, owner, attack):
    text = ATTACKS[attack][:4000]
    browser = sign_in(Client(raise_request_exception=False), owner)
    for name in ("theme", "tz", "csrftoken", "messages"):
        browser.cookies[name] = (
            text.encode("ascii", "replace").decode().replace("\r", "").replace("\n", "").replace("\x00", "")
        )
    query = dict.fromkeys(
        ("q", "status", "sort", "actor", "action", "since", "before", "next", "method", "outcome"), text
    )
    headers = {
        "User-Agent": text,
        "X-Forwarded-For": text,
        "X-Request-Id": text,
        "Referer": text,
        "HX-Current-URL": text,
    }
    for page in (f"/w/{victim.slug}/keys/", f"/w/{victim.slug}/audit/", "/", "/account/", "/accounts/login/"):
        assert_harmless(browser.get(page, query, headers=headers), echoed=True)


def test_an_address_in_the_trail_is_an_address_or_nothing(victim, owner):
    browser = sign_in(Client(REMOTE_ADDR="<xss>", raise_request_exception=False), owner)
    browser.post(f"/w/{victim.slug}/refresh/balance/")
    assert AuditEvent.objects.order_by("pk").last().ip_address is None


def test_an_invitation_by_somebody_with_a_hostile_name_is_one_clean_mail(workspace, owner, mailoutbox):
    owner.name = ATTACKS["lines"]
    owner.save()
    Workspace.objects.update(name=ATTACKS["lines"][:80])
    browser = sign_in(Client(raise_request_exception=False), owner)
    browser.post(f"/w/{workspace.slug}/members/invite/", {"email": "guest@example.test", "role": "viewer"})
    for mail in mailoutbox:
        message = mail.message()
        assert message["Bcc"] is None
        assert mail.recipients() == ["guest@example.test"]
        assert "\n" not in str(message["Subject"])
        assert "<xss>" not in "".join(body for body, kind in mail.alternatives if kind == "text/html")


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_one_event_is_one_log_line_without_terminal_codes(attack, log_format):
    formatter = dict(logging_config("DEBUG", log_format)["formatters"]["console"])
    text = ATTACKS[attack][:3000]
    record = logging.LogRecord("tests", logging.WARNING, "x.py", 1, f"refused {text}", (), None)
    record.path = text
    line = formatter.pop("()")(**formatter).format(record)
    assert not set(line) & set("\x00\x01\x07\x1b\x7f\x85\u2028\u2029\u202e\r\n")


def test_members_see_the_hostile_workspace_of_others_not_at_all(victim, hostile, stranger):
    hostile.text = ATTACKS["script"]
    read_everything(victim)
    other = Workspace.objects.create(name="Quiet Works", slug="quiet-works", base_url=hostile.url)
    Membership.objects.create(user=stranger, workspace=other, role=Role.OWNER)
    record_event(Action.REFRESHED, CONSOLE, workspace=victim, message="seen only here")
    browser = sign_in(Client(), stranger)
    for page in ("/", "/w/quiet-works/", "/w/quiet-works/audit/"):
        assert "seen only here" not in browser.get(page).content.decode()
