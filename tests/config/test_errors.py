"""What people see while Redis or the database does not answer."""

import io
import logging
import logging.config
import re
import socket

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.db import OperationalError, connection
from django.test import Client

from config.log.configuration import logging_config
from tests.fixtures import PASSWORD
from tests.workspaces.accounts.conftest import code_of, sign_in, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


@pytest.fixture
def take_redis_away(settings):
    def take():
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}}

    return take


def test_a_sign_in_without_redis_says_what_is_missing_and_that_nothing_was_changed(browser, viewer, take_redis_away):
    take_redis_away()
    answer = browser.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    assert answer.status_code == 503
    assert "Redis isn't responding" in answer.content.decode()
    assert answer["Retry-After"]
    assert browser.get("/").status_code == 302  # not signed in


def test_who_is_signed_in_goes_on_without_redis(browser, viewer, workspace, take_redis_away):
    sign_in(browser, viewer)
    take_redis_away()
    assert browser.get(f"/w/{workspace.slug}/keys/").status_code == 200


def test_without_its_database_the_console_says_so(browser, viewer):
    sign_in(browser, viewer)

    def refuse(*_):
        raise OperationalError("the connection is closed")

    with connection.execute_wrapper(refuse):
        answer = browser.get("/")
    assert answer.status_code == 503
    assert "The database isn't responding" in answer.content.decode()
    assert "connection is closed" not in answer.content.decode()


def test_any_other_failure_is_an_error_of_the_console(browser, viewer, monkeypatch, caplog):
    sign_in(browser, viewer)

    def break_down(*_):
        raise RuntimeError("not for people's eyes")

    monkeypatch.setattr("dashboard.views.select_page", break_down)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "not for people" not in answer.content.decode()
    request_id = re.search("request ID <code>([^<]+)</code>", answer.content.decode())[1]
    assert request_id in caplog.text


@pytest.fixture
def logged():
    """Configure logs as the console does; return a function that reads the lines that were written."""
    written = io.StringIO()
    config = logging_config("INFO", "text")
    config["handlers"]["stderr"]["stream"] = written
    logging.config.dictConfig(config)
    yield lambda: written.getvalue().splitlines()
    logging.config.dictConfig(logging_config("INFO", "text"))


def test_while_redis_hangs_the_log_gets_one_line_a_request(browser, viewer, settings, logged):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        hanging = f"redis://127.0.0.1:{silent.getsockname()[1]}/0?socket_timeout=0.2"
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": hanging}}
        answer = browser.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    assert answer.status_code == 503
    (line,) = logged()
    assert "request_failed" in line
    assert "code=503" in line
    assert "Redis does not answer" in line


def test_an_error_of_the_console_is_logged_once_with_where_it_was(browser, viewer, monkeypatch, logged):
    sign_in(browser, viewer)
    monkeypatch.setattr("dashboard.views.select_page", lambda *_: 1 / 0)
    browser.get("/")
    lines = logged()
    assert [line for line in lines if "request_failed" in line and "code=500" in line]
    assert sum(line.startswith("ZeroDivisionError") for line in lines) == 1


@pytest.fixture
def other_keys(settings):
    """The process is started with encryption keys that are not those of what is stored."""

    def change():
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    return change


def test_a_second_factor_that_cannot_be_opened_is_said_to_be_that(browser, viewer, other_keys, capsys):
    with_app(viewer)
    sign_in(browser, viewer)
    other_keys()
    answer = browser.post("/accounts/login/code/", {"code": "123456"})
    assert answer.status_code == 503
    assert "An encryption key is missing" in answer.content.decode()
    assert browser.get("/").status_code == 302  # not signed in
    assert "Traceback" not in capsys.readouterr().err


def test_no_second_factor_is_sealed_with_keys_that_open_nothing(browser, viewer, workspace, other_keys):
    sign_in(browser, viewer)
    secret = browser.get("/accounts/security/app/add/").context["form"].secret
    other_keys()
    answer = browser.post("/accounts/security/app/add/", {"code": code_of(secret)})
    assert answer.status_code == 503
    assert "Your action was not completed" in answer.content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/w/{slug}/webhooks/look-up/", "/w/{slug}/webhooks/"),
        ("/w/{slug}/troubleshoot/body/batches/", "/w/{slug}/troubleshoot/body/"),
        ("/accounts/sessions/end-others/", "/accounts/sessions/"),
    ],
)
def test_an_address_that_only_takes_forms_leads_back_to_where_they_are(browser, viewer, workspace, path, back):
    sign_in(browser, viewer)
    path, back = path.format(slug=workspace.slug), back.format(slug=workspace.slug)
    answer = browser.get(path, headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "This address only takes what a form sends" in answer.content.decode()
    assert f'href="{back}"' in answer.content.decode()
    assert browser.get(back).status_code == 200
    assert browser.get(path).content == b""  # a program gets the status alone
