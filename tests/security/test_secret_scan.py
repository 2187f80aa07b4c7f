"""Every kind of secret, and every place where it must not be."""

import io
import logging
import logging.config
import traceback

import pytest
import structlog
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.core import serializers
from django.test import Client

from cleanlist import ApiKeyCredential, ClerkSession, Secret, StaticSession
from config.log.configuration import logging_config
from core.encryption import EncryptedValue
from tests.fixtures import API_KEY, PASSWORD
from workspaces import services
from workspaces.models import ManagementSession, Workspace
from workspaces.services import account_mail

from .hostile_upstream import token
from .sign_in import sign_in
from .url_names import url_for
from .url_table import rows, sent_to
from .world import CLIENT_TOKEN, everything

pytestmark = pytest.mark.django_db
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WHO = ("viewer", "operator", "owner", "admin")
# The pages whose purpose is to show it, once, to the person whose it is.
SHOWN_ON_PURPOSE = {"mfa_activate_totp", "mfa_view_recovery_codes", "mfa_download_recovery_codes"}


@pytest.fixture
def secrets(world):
    """One secret of each kind, in use: what a search looks for."""
    jwt = token()
    ManagementSession.objects.filter(workspace=world.other).update(token=EncryptedValue.encrypt(Secret(jwt)))
    data = {"secret": get_adapter().encrypt(TOTP)}
    Authenticator.objects.create(user=world.people["stranger"], type="totp", data=data)
    return {
        "API key": API_KEY,
        "session token": jwt,
        "client token": CLIENT_TOKEN,
        "password": PASSWORD,
        "TOTP secret": TOTP,
        "SECRET_KEY": django_settings.SECRET_KEY,
        "encryption key": django_settings.ENCRYPTION_KEYS[0],
        "invitation token": world.names["token"],
    }


def assert_none_in(text, secrets, where, *, but=()):
    found = [kind for kind, secret in secrets.items() if secret in text and kind not in but]
    assert not found, f"{found} in {where}"


@pytest.fixture(params=["text", "json"])
def log(request):
    """Everything that is logged at DEBUG, as the processes of the console write it."""
    stream = io.StringIO()
    config = logging_config("DEBUG", request.param)
    formatter = dict(config["formatters"]["console"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    logging.getLogger("audit").addHandler(handler)  # it does not hand its lines on
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    logging.getLogger("audit").removeHandler(handler)
    root.setLevel(level)


def test_no_page_and_no_answer_to_a_command_holds_a_secret(world, secrets, settings):
    for name, method, expected, _ in rows():
        if expected["owner"] == "404" or name in SHOWN_ON_PURPOSE:
            continue
        for who in WHO:
            browser = sign_in(Client(raise_request_exception=False), world.people[who])
            url = url_for(name, world.names)
            response = browser.generic(method, url)
            text = f"{response.headers}{response.getvalue().decode(errors='replace')}"
            # Its own address is the one place where an invitation's token has to be.
            assert_none_in(text, secrets, f"{method} {name} as {who}", but=("invitation token",))


def test_no_log_line_of_pages_commands_and_polls_holds_a_secret(world, secrets, log):
    browser = sign_in(Client(raise_request_exception=False), world.people["owner"])
    for name in ("home", "overview", "keys:list", "workspaces:settings", "workspaces:invitation"):
        browser.get(url_for(name, world.names))
    for name in ("find", "find_anywhere"):  # from a browser without JavaScript
        browser.get(url_for(name, world.names), {"q": f"Bearer {API_KEY}"})
    forms = {
        "account_login": {"login": "owner@example.test", "password": PASSWORD},
        "workspaces:replace_api_key": {"api_key": API_KEY},
        "workspaces:replace_session": {
            "session_kind": "clerk",
            "frontend_api_url": world.upstream.url,
            "session_id": "sess_x",
            "client_token": CLIENT_TOKEN,
        },
    }
    for name, form in forms.items():
        browser.post(url_for(name, world.names), form)
    for resource in ("balance", "keys"):
        services.refresh(Workspace.objects.get(slug=world.names["slug"]), resource)
    assert "request_finished" in log.getvalue()
    assert_none_in(log.getvalue(), secrets, "the log")


@pytest.mark.parametrize("kind", ["API key", "session token", "client token", "encryption key"])
def test_a_secret_that_somebody_logs_by_mistake_is_taken_out(secrets, log, kind):
    secret = secrets[kind]
    credential = {
        "API key": lambda: ApiKeyCredential(secret),
        "session token": lambda: StaticSession(secret),
        "client token": lambda: ClerkSession("https://clerk.example.test", "sess_x", secret),
        "encryption key": lambda: EncryptedValue.encrypt(Secret(secret)),
    }[kind]()
    structlog.get_logger("tests").warning("mistake", credential=credential, wrapped=[{"deep": credential}])
    logging.getLogger("tests").warning("mistake %r %s", credential, credential)
    if kind in {"API key", "session token"}:
        logging.getLogger("tests").warning("mistake %s", secret)
    assert log.getvalue().count("mistake") >= 2
    assert_none_in(log.getvalue(), secrets, "the log")


def test_a_traceback_with_local_variables_shows_no_credential(world, secrets):
    def fail(workspace):
        credential = ApiKeyCredential(workspace.api_key.decrypt())
        opened, session = workspace.api_key.decrypt(), workspace.session
        raise RuntimeError(f"{credential} {opened!r} {session!r}")

    try:
        fail(Workspace.objects.select_related("session").get(slug=world.names["slug"]))
    except RuntimeError as error:
        # Without this test's own frame, which holds what it searches for.
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__.tb_next), capture_locals=True)
        text = f"{''.join(frames.format())}{error}"
    assert "credential = " in text
    assert_none_in(text, secrets, "a traceback with locals")


def test_an_error_page_says_nothing_and_its_log_line_no_secret(world, secrets, log, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError(f"{API_KEY} in {CLIENT_TOKEN and API_KEY}")

    monkeypatch.setattr("dashboard.views.summarize_workspaces", broken)
    browser = sign_in(Client(raise_request_exception=False), world.people["owner"])
    response = browser.get("/")
    assert response.status_code == 500
    assert "RuntimeError" not in response.content.decode()
    assert "RuntimeError" in log.getvalue()
    assert_none_in(response.content.decode(), secrets, "the error page")
    assert_none_in(log.getvalue(), secrets, "the log of an error")


def test_nothing_in_the_database_is_a_secret_in_clear(world, secrets):
    browser = sign_in(Client(), world.people["owner"])
    browser.post(url_for("workspaces:replace_api_key", world.names), {"api_key": API_KEY, "save_anyway": "true"})
    assert_none_in(str(everything()), secrets, "the tables")
    rows_of_sessions = serializers.serialize("json", Workspace.objects.all())
    assert_none_in(rows_of_sessions, secrets, "a serialized workspace")


def test_no_mail_holds_a_secret_but_the_invitation_its_own(world, secrets, mailoutbox):
    browser = sign_in(Client(), world.people["owner"])
    browser.post(url_for("workspaces:invite", world.names), sent_to("workspaces:invite", world.names))
    admin = sign_in(Client(), world.people["admin"])
    admin.post(url_for("workspaces:reset_mfa", world.names))
    account_mail.send_due()
    assert mailoutbox
    for mail in mailoutbox:
        assert_none_in(str(mail.message()), secrets, mail.subject)
