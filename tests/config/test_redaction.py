import io
import logging
import logging.config

import jwt
import pytest
import structlog
from cryptography.fernet import Fernet

from config.log.configuration import logging_config
from core.redaction import redact, redact_beginning, redact_lines, redact_text

KEY = "clapi_AbCd" + "x7-_" * 15
TOKEN = "clext_AbCd" + "y8-_" * 15
JWT = jwt.encode({"sub": "user_1"}, "k" * 32, algorithm="HS256")
SEALED = Fernet(Fernet.generate_key()).encrypt(b"something").decode()
SECRETS = {"key": KEY, "extension": TOKEN, "jwt": JWT, "fernet": SEALED}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("text", ["{}", "before {} after", "'{}'", '{{"value": "{}"}}', "https://x.test/?q={}&y=1"])
def test_a_secret_is_taken_out_of_text(secret, text):
    assert secret[12:] not in redact_text(text.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hush-hush-hush",
        "authorization: Basic hush-hush-hush",
        "{'Authorization': 'Bearer hush-hush-hush'}",
        "[(b'authorization', b'Bearer hush-hush-hush')]",
        "Cookie: __client=hush-hush-hush; other=1",
        "password=hush-hush-hush",
        '{"password": "hush-hush-hush"}',
        "postgres://console:hush-hush-hush@db.example.test/console",
        "redis://:hush-hush-hush@cache.example.test:6379/0",
        "GET /invitations/invite_hush-hush-hush-hush-hush/",
        "GET /accounts/password/reset/key/3f-hush-hush-hush/",
        "GET /accounts/identity/sso/login/callback/?state=a&code=hush-hush-hush&iss=b",
    ],
)
def test_a_named_secret_is_taken_out_of_text(text):
    assert "hush" not in redact_text(text)


def test_a_key_keeps_its_first_ten_characters_so_that_one_can_tell_which_it_was():
    assert redact_text(f"key {KEY}") == "key clapi_AbCd…[redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "12 keys, 3 revoked",
        "GET /w/acme/keys/?sort=name",
        "clapi_AbCd…wxyz",
        "http://localhost:8000/",
        "no password yet",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert redact_text(text) == text


def test_a_secret_is_found_however_deep_it_lies():
    event = {"outer": [{"inner": ("x", {"why": f"sent {KEY}"})}], "bytes": JWT.encode(), 7: {SEALED}}
    assert not any(secret[12:] in repr(redact(event)) for secret in SECRETS.values())


@pytest.mark.parametrize("name", ["password", "api_key", "Authorization", "client_token", "secret", "Cookie"])
def test_a_value_with_a_telling_name_is_taken_out_whatever_it_looks_like(name):
    assert redact({name: "plain"}) == {name: "[redacted]"}


def test_an_object_that_shows_a_secret_is_replaced():
    class Careless:
        def __repr__(self):
            return f"<Careless {KEY}>"

    assert KEY not in repr(redact({"what": Careless()}))


@pytest.fixture(params=["text", "json"])
def log(request):
    """Configure logs as the console does; return a function that reads what was written."""
    written = io.StringIO()
    config = logging_config("INFO", request.param)
    config["handlers"]["stderr"]["stream"] = written
    logging.config.dictConfig(config)
    yield written.getvalue
    logging.config.dictConfig(logging_config("INFO", "text"))


def test_no_secret_reaches_the_log_through_structlog(log):
    structlog.get_logger("test").warning(f"said {KEY}", detail={"token": JWT, "list": [SEALED]})
    written = log()
    assert "said clapi_AbCd…[redacted]" in written
    assert not any(secret[12:] in written for secret in SECRETS.values())


def test_no_secret_reaches_the_log_through_the_standard_library(log):
    logging.getLogger("some.library").warning("sent %s with %r", KEY, {"Authorization": f"Bearer {JWT}"})
    written = log()
    assert "sent clapi_AbCd…[redacted]" in written
    assert JWT[12:] not in written


def fail():
    raise ValueError(f"bad {KEY}") from RuntimeError(JWT)


def test_no_secret_reaches_the_log_in_a_traceback(log):
    try:
        fail()
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    written = log()
    assert "Traceback" in written
    assert "bad clapi_AbCd…[redacted]" in written
    assert JWT[12:] not in written


def test_a_long_value_is_cut_and_the_line_says_by_how_much(log):
    structlog.get_logger("test").warning("said", path="/" + "a" * 60_000, agent="short")
    assert f"/{'a' * 1_999}… [58,001 more characters]" in log()
    assert "short" in log()


@pytest.mark.parametrize(
    "event",
    [
        {"many": ["a" * 1_900] * 500},
        {"many": {f"{number}": "a" * 1_900 for number in range(500)}},
        {"deep": [[["a" * 1_900] * 50] * 50] * 50},
        {"numbers": list(range(30_000))},
        {f"value{number}": "a" * 1_900 for number in range(500)},
        {"bytes": b"a" * 100_000, "what": ValueError("a" * 100_000)},
    ],
    ids=lambda event: next(iter(event)),
)
def test_a_line_is_bounded_whatever_is_in_it(log, event):
    structlog.get_logger("test").warning("said", **event)
    assert "said" in log()
    assert "more" in log()
    assert "warning" in log()
    assert len(log()) < 50_000


@pytest.mark.parametrize("at", [1_960, 1_990, 3_950, 3_999])
@pytest.mark.parametrize(
    "secret",
    [*SECRETS.values(), "postgres://console:hush-hush-hush@db.example.test/"],
    ids=[*SECRETS, "password in an address"],
)
def test_a_cut_leaves_no_half_of_a_secret(secret, at):
    text = ("x" * (at - 1) + " " + secret + " y" * 4_000).replace("hush-hush-hush", KEY)
    shown = redact_beginning(text)
    assert KEY[11:14] not in shown
    assert not any(part in shown for part in (secret[12:20], JWT.split(".")[1][:8]))


@pytest.mark.parametrize("before", ["password=hush ", f"{KEY} ", f"{JWT} "])
def test_a_cut_leaves_no_half_of_a_secret_where_redaction_has_made_room(before):
    text = (before * 400)[:3_980] + " " + KEY + " y" * 4_000
    assert KEY[11:14] not in redact_beginning(text)
    assert "hush" not in redact_beginning(text)


@pytest.mark.parametrize("before", ["x", f"{KEY} "], ids=["as long", "shortened"])
@pytest.mark.parametrize("at", [1_975, 3_975])
@pytest.mark.parametrize("secret", ["invite_" + "hush-" * 8, "redis://me:hush-hush-hush-hush@db.example.test/"])
def test_a_cut_leaves_no_half_of_what_only_its_end_gives_away(secret, at, before):
    text = (before * at)[: at - 1] + " " + secret + " y" * 4_000
    assert "hush" not in redact_beginning(text)


def test_a_traceback_keeps_its_ends():
    shown = redact_lines("\n".join(["first", *[f"line {number}" for number in range(10_000)], f"last {'a' * 5_000}"]))
    assert shown.startswith("first\nline 0\n")
    assert "… [9,802 more lines]\nline 9901\n" in shown
    assert shown.endswith(f"last {'a' * 1_995}… [3,005 more characters]")


def test_what_was_bound_to_the_request_is_on_every_line(log):
    with structlog.contextvars.bound_contextvars(request_id="4711"):
        logging.getLogger("some.library").warning("hello")
    assert "4711" in log()


@pytest.mark.parametrize("name", ["httpx", "httpcore.connection", "aiohttp.access"])
def test_http_libraries_do_not_log_the_addresses_they_call(log, name):
    logging.getLogger(name).info("HTTP Request: GET http://127.0.0.1/?token=x")
    assert log() == ""
