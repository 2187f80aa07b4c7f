"""Checks of single settings. A check raises ValidationError with the problem and the remedy."""

import re
import zoneinfo
from email.utils import getaddresses
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import EmailValidator, validate_email
from environs import ValidationError

MAIL_SCHEMES = {"smtp", "submission", "console"}
NEW_KEYS = "generate_keys prints new ones"
_ENCODED = "in a password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23"


def origin(value: str) -> str:
    """Return the scheme, host and port of ``value``, in lower case."""
    wrong = ValidationError(f"{value!r} is not a URL such as https://api.example.com")
    parts = urlsplit(value.strip().rstrip("/"))
    try:
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong
    if parts.path or parts.query or parts.fragment:
        raise wrong
    if parts.username is not None or parts.password is not None:
        raise ValidationError("this URL must not contain a username or password")
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_origin(value: str) -> None:
    origin(value)


def are_origins(values: list[str]) -> None:
    for value in values:
        origin(value)


def is_web_address(value: str) -> None:
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValidationError("use a URL such as https://hc-ping.com/your-uuid")


def is_issuer(value: str) -> None:
    """Check the URL of an identity provider: HTTPS, or on this machine."""
    parts = urlsplit(value)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValidationError("use the issuer's URL, such as https://login.example.com/realms/company")


def time_zone(value: str) -> str:
    """Return the time zone's name as the database of time zones spells it; ``value`` may have any case."""
    wanted = value.strip().casefold()
    name = next((each for each in zoneinfo.available_timezones() if each.casefold() == wanted), None)
    if name is None:
        raise ValidationError(f"{value!r} is not a time zone; use a name such as Europe/Berlin or UTC")
    return name


def is_time_zone(value: str) -> None:
    time_zone(value)


def is_redis_url(value: str) -> None:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValidationError("must start with redis://, rediss:// or unix://")
    from redis import ConnectionPool  # noqa: PLC0415 - the bundled server needs no URL

    try:
        ConnectionPool.from_url(value).make_connection()  # without connecting yet
    except (ValueError, TypeError):  # their messages quote the URL, which holds a password
        raise ValidationError(f"use redis://:password@127.0.0.1:6379/0, or rediss:// for TLS; {_ENCODED}") from None


def is_secret_key(value: str) -> None:
    """Check the length, as Django's deployment check does (security.W009)."""
    if len(value) < 50 or len(set(value)) < 5:
        raise ValidationError(f"must be at least 50 random characters; {NEW_KEYS}")


def are_secret_keys(values: list[str]) -> None:
    for value in values:
        is_secret_key(value)


def are_encryption_keys(values: list[str]) -> None:
    """Check that each is 32 bytes in URL-safe base64, as Fernet requires."""
    for number, value in enumerate(values, start=1):
        try:
            Fernet(value)
        except ValueError:
            raise ValidationError(f"entry {number} is not 32 bytes in URL-safe base64; {NEW_KEYS}") from None


DatabaseSettings = dict[str, Any]  # as Django's


def database(url: str) -> DatabaseSettings:
    """Return Django's settings for the database at ``url``."""
    wrong = ValidationError(f"use postgres://user:password@host:5432/name (or sqlite:////absolute/path); {_ENCODED}")
    try:
        # Server-side cursors outlive a transaction, but a pooler such as pgbouncer keeps no connection for them.
        parsed = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True, disable_server_side_cursors=True)
        config = dict(parsed)
    except (ValueError, KeyError):
        raise wrong from None  # their messages quote the URL, which holds a password
    if not config.get("NAME") or not str(config.get("ENGINE", "")).endswith((".postgresql", ".sqlite3")):
        raise wrong
    return config


def is_database_url(value: str) -> None:
    database(value)


def email(url: str) -> dict[str, object]:
    wrong = ValidationError(
        "use submission://user:password@host:587 (STARTTLS), smtp://user:password@host:465/?ssl=1 (TLS) "
        "or smtp://host:25; without EMAIL_URL, emails are written to files"
    )
    if url.split("://", 1)[0] not in MAIL_SCHEMES:
        raise wrong
    try:
        config: dict[str, object] = dict(dj_email_url.parse(url))
    except (ValueError, KeyError):
        raise wrong from None
    config["EMAIL_TIMEOUT"] = config["EMAIL_TIMEOUT"] or 10  # seconds; Django's default waits for ever
    return config


def is_email_url(value: str) -> None:
    email(value)


def is_email(value: str) -> None:
    """Check an email address as the sign-in form does."""
    try:
        validate_email(value)
    except DjangoValidationError:
        raise ValidationError(f"{value!r} is not an email address") from None


def is_email_or_empty(value: str) -> None:
    if value:
        is_email(value)


def is_sender(value: str) -> None:
    """Check the sender of emails: one email address, alone or in angle brackets after a name.

    Its host may be one without a dot, on the local network.
    """
    found = getaddresses([value])
    address = found[0][1] if len(found) == 1 and value.isprintable() else ""
    host = address.rpartition("@")[2]
    try:
        EmailValidator(allowlist=[host] if re.fullmatch(r"[A-Za-z0-9-]+", host) else [])(address)
    except DjangoValidationError:
        raise ValidationError("use an address, such as Cleanlist Console <console@example.com>") from None


def is_metrics_token(value: str) -> None:
    """Check that a token cannot be guessed and fits into a header."""
    if value and (len(value) < 16 or not value.isascii() or not value.isprintable() or " " in value):
        raise ValidationError("must have at least 16 ASCII characters and no spaces; omit it to turn off metrics")


def is_row_limit(value: int) -> None:
    """Check that a few busy minutes do not exceed the limit."""
    if value and value < 10_000:
        raise ValidationError("must be at least 10000, or 0 for no limit (per workspace)")
