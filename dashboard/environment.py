"""The console's configuration: environment variables in, one checked object out.

Nothing else reads the environment. Every bad value is reported, all of them at once, before anything starts.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError, validate

from dashboard import values
from dashboard.secrets import generated_secret

ROOT = Path(__file__).resolve().parent.parent
HOSTED_API = "https://api.cleanlist.ai"
HOSTED_CLERK = "https://clerk.cleanlist.ai"  # where management sessions of the hosted API are minted

# sockaddr_un.sun_path holds 108 bytes on Linux, the closing zero among them; macOS has 104.
_LONGEST_SOCKET_PATH = 103


_AS_GIVEN = (
    "debug",
    "bind_address",
    "port",
    "sandbox_port",
    "allowed_hosts",
    "trusted_proxy_count",
    "email_from",
    "rate_limit_per_minute",
    "rate_limit_share_percent",
    "poll_balance_seconds",
    "poll_keys_seconds",
    "poll_requests_seconds",
    "poll_deliveries_seconds",
    "keep_requests_days",
    "keep_requests_rows",
    "keep_deliveries_days",
    "time_zone",
    "log_level",
    "log_format",
)


# Every variable that is read, by its name in the environment. ENV_FILE is the one more: which file to read first.
VARIABLES = (
    *(name.upper() for name in _AS_GIVEN),
    "VAR_DIR",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "ENCRYPTION_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "EMAIL_URL",
    "CONSOLE_ADMIN_EMAIL",
    "CONSOLE_ADMIN_PASSWORD",
    "CLEANLIST_API_ORIGINS",
    "OIDC_ISSUER_URL",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_NAME",
    "METRICS_TOKEN",
    "WEBHOOK_ALLOW_LOCAL_TARGETS",
)


class ConfigurationError(Exception):
    """The environment holds values that the console cannot start with; the message names each of them."""


@dataclass(frozen=True)
class Environment:
    """Every setting that an operator can choose. The README's table explains each."""

    var_dir: Path
    embedded: bool
    debug: bool
    bind_address: str
    port: int
    sandbox_port: int
    public_url: str
    allowed_hosts: list[str]
    trusted_proxy_count: int
    secret_key: str = field(repr=False)
    secret_key_fallbacks: list[str] = field(repr=False)
    encryption_keys: list[str] = field(repr=False)
    databases: dict[str, Any] = field(repr=False)
    redis_url: str = field(repr=False)
    bundled_redis: bool
    email: dict[str, Any] = field(repr=False)
    email_from: str
    admin_email: str
    admin_password: str = field(repr=False)
    api_origins: list[str]
    oidc: dict[str, Any] | None = field(repr=False)
    rate_limit_per_minute: int
    rate_limit_share_percent: int
    poll_balance_seconds: int
    poll_keys_seconds: int
    poll_requests_seconds: int
    poll_deliveries_seconds: int
    keep_requests_days: int
    keep_requests_rows: int
    keep_deliveries_days: int
    metrics_token: str = field(repr=False)
    webhook_allow_local_targets: bool
    time_zone: str
    log_level: str
    log_format: str


def read_environment() -> Environment:
    """Return the checked configuration: the environment, and a ``.env`` file beside manage.py if there is one.

    Raises ConfigurationError with one line for each bad value.
    """
    env = Env(eager=False)
    _read_file(env)
    chosen = _settings(env)
    problems = _sealed(env) + _contradictions(chosen)
    if problems:
        raise ConfigurationError("\n".join(f"  {problem}" for problem in problems))
    return _environment(chosen)


def _read_file(env: Env) -> None:
    """Read the file of settings; the environment itself wins over it. An empty ENV_FILE reads none."""
    chosen = os.environ.get("ENV_FILE")
    path = Path(chosen) if chosen else ROOT / ".env"
    if chosen and not path.is_file():
        raise ConfigurationError(f"  ENV_FILE: there is no file {path}")
    if chosen != "" and path.is_file():
        env.read_env(path, recurse=False)


def _settings(env: Env) -> dict[str, Any]:
    """Return every variable as the operator gave it; what is bad is remembered by ``env``."""
    port = validate.Range(1, 65535)
    positive = validate.Range(min=1)
    return {
        "VAR_DIR": env.str("VAR_DIR", str(ROOT / "var")),
        "DEBUG": env.bool("DEBUG", False),
        "BIND_ADDRESS": env.str("BIND_ADDRESS", "127.0.0.1"),
        "PORT": env.int("PORT", 8000, validate=port),
        "SANDBOX_PORT": env.int("SANDBOX_PORT", 8001, validate=port),
        "PUBLIC_URL": env.str("PUBLIC_URL", "", validate=values.is_origin),
        "ALLOWED_HOSTS": env.list("ALLOWED_HOSTS", []),
        "TRUSTED_PROXY_COUNT": env.int("TRUSTED_PROXY_COUNT", 0, validate=validate.Range(0, 10)),
        "SECRET_KEY": env.str("SECRET_KEY", "", validate=values.is_secret_key),
        "SECRET_KEY_FALLBACKS": env.list("SECRET_KEY_FALLBACKS", [], validate=values.are_secret_keys),
        "ENCRYPTION_KEYS": env.list("ENCRYPTION_KEYS", [], validate=values.are_encryption_keys),
        "DATABASE_URL": env.str("DATABASE_URL", "", validate=values.is_database_url),
        "REDIS_URL": env.str("REDIS_URL", "", validate=values.is_redis_url),
        "EMAIL_URL": env.str("EMAIL_URL", "", validate=values.is_email_url),
        "EMAIL_FROM": env.str("EMAIL_FROM", "Cleanlist Console <console@localhost>"),
        "CONSOLE_ADMIN_EMAIL": env.str("CONSOLE_ADMIN_EMAIL", "admin@localhost", validate=values.is_email),
        "CONSOLE_ADMIN_PASSWORD": env.str("CONSOLE_ADMIN_PASSWORD", ""),
        "CLEANLIST_API_ORIGINS": env.list(
            "CLEANLIST_API_ORIGINS", [HOSTED_API, HOSTED_CLERK], validate=values.are_origins
        ),
        "OIDC_ISSUER_URL": env.str("OIDC_ISSUER_URL", "", validate=values.is_issuer),
        "OIDC_CLIENT_ID": env.str("OIDC_CLIENT_ID", ""),
        "OIDC_CLIENT_SECRET": env.str("OIDC_CLIENT_SECRET", ""),
        "OIDC_NAME": env.str("OIDC_NAME", "single sign-on"),
        "RATE_LIMIT_PER_MINUTE": env.int("RATE_LIMIT_PER_MINUTE", 60, validate=positive),
        "RATE_LIMIT_SHARE_PERCENT": env.int("RATE_LIMIT_SHARE_PERCENT", 20, validate=validate.Range(1, 100)),
        "POLL_BALANCE_SECONDS": env.int("POLL_BALANCE_SECONDS", 60, validate=positive),
        "POLL_KEYS_SECONDS": env.int("POLL_KEYS_SECONDS", 60, validate=positive),
        "POLL_REQUESTS_SECONDS": env.int("POLL_REQUESTS_SECONDS", 60, validate=positive),
        "POLL_DELIVERIES_SECONDS": env.int("POLL_DELIVERIES_SECONDS", 30, validate=positive),
        # 13 months: a year to compare with, and the month that is not over.
        "KEEP_REQUESTS_DAYS": env.int("KEEP_REQUESTS_DAYS", 396, validate=positive),
        "KEEP_REQUESTS_ROWS": env.int("KEEP_REQUESTS_ROWS", 0, validate=validate.Range(min=0)),
        "KEEP_DELIVERIES_DAYS": env.int("KEEP_DELIVERIES_DAYS", 396, validate=positive),
        "METRICS_TOKEN": env.str("METRICS_TOKEN", "", validate=values.is_metrics_token),
        "WEBHOOK_ALLOW_LOCAL_TARGETS": env.bool("WEBHOOK_ALLOW_LOCAL_TARGETS", None),
        "TIME_ZONE": env.str("TIME_ZONE", "UTC", validate=values.is_time_zone),
        "LOG_LEVEL": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        "LOG_FORMAT": env.str("LOG_FORMAT", "text", validate=validate.OneOf(["text", "json"])),
    }


def _sealed(env: Env) -> list[str]:
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast("dict[str, list[str]]", error.error_messages)
        return [f"{name}: {'; '.join(problems)}" for name, problems in messages.items()]
    return []


def _contradictions(chosen: dict[str, Any]) -> list[str]:
    """Return what is wrong about values that are fine one by one."""
    problems = []
    if chosen["PORT"] is not None and chosen["PORT"] == chosen["SANDBOX_PORT"]:
        problems.append("SANDBOX_PORT: must differ from PORT")
    if chosen["DATABASE_URL"]:
        problems += [
            f"{name}: must be set when DATABASE_URL is; {values.NEW_KEYS}"
            for name in ("SECRET_KEY", "ENCRYPTION_KEYS")
            if chosen[name] in ("", [])
        ]
    if chosen["OIDC_ISSUER_URL"]:
        problems += [
            f"{name}: must be set when OIDC_ISSUER_URL is; your identity provider gives it"
            for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
            if not chosen[name]
        ]
    return problems


def _environment(chosen: dict[str, Any]) -> Environment:
    var_dir = Path(chosen["VAR_DIR"]).expanduser().resolve()
    embedded = not chosen["DATABASE_URL"]
    secret_key, encryption_keys = _secrets(chosen, var_dir)
    return Environment(
        var_dir=var_dir,
        embedded=embedded,
        public_url=values.origin(chosen["PUBLIC_URL"] or f"http://localhost:{chosen['PORT']}"),
        secret_key=secret_key,
        secret_key_fallbacks=chosen["SECRET_KEY_FALLBACKS"],
        encryption_keys=encryption_keys,
        databases={"default": _database(chosen["DATABASE_URL"], var_dir)},
        redis_url=chosen["REDIS_URL"] or f"unix://{redis_socket(var_dir)}",
        bundled_redis=not chosen["REDIS_URL"],
        email=values.email(chosen["EMAIL_URL"])
        if chosen["EMAIL_URL"]
        else {"EMAIL_BACKEND": "dashboard.mail.EmlFileBackend"},
        admin_email=chosen["CONSOLE_ADMIN_EMAIL"],
        admin_password=chosen["CONSOLE_ADMIN_PASSWORD"],
        api_origins=_api_origins(chosen, embedded=embedded),
        oidc=_oidc(chosen),
        metrics_token=chosen["METRICS_TOKEN"],
        webhook_allow_local_targets=_allow_local_targets(chosen, embedded=embedded),
        **{name: chosen[name.upper()] for name in _AS_GIVEN},
    )


def redis_socket(var_dir: Path) -> Path:
    """Return where the bundled redis-server listens: in ``var_dir``, or in a short private place.

    The operating system limits a socket's path, and clients take it inside a URL, so a long path or one with
    unusual characters is replaced by a directory under the system's temporary one, named after ``var_dir``.
    """
    path = var_dir / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and re.fullmatch(r"[\w./+-]+", str(path), re.ASCII):
        return path
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cleanlist-console-{os.getuid()}-{digest}" / "redis.sock"


def _database(url: str, var_dir: Path) -> dict[str, Any]:
    """Return the database at ``url``, or the embedded SQLite file."""
    if url:
        config = values.database(url)
    else:
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(var_dir / "console.sqlite3")}
    if "sqlite3" in config["ENGINE"]:
        # Immediate transactions: a writer waits for the lock at BEGIN, where waiting is possible,
        # instead of failing in the middle with "database is locked".
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
        config["CONN_MAX_AGE"] = 60
    return config


def _secrets(chosen: dict[str, Any], var_dir: Path) -> tuple[str, list[str]]:
    """Return SECRET_KEY and ENCRYPTION_KEYS; the embedded set makes its own on first start (mode 0600)."""
    try:
        var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (
            chosen["SECRET_KEY"] or generated_secret(var_dir / "secret_key", kind="django"),
            chosen["ENCRYPTION_KEYS"] or [generated_secret(var_dir / "encryption_key", kind="fernet")],
        )
    except OSError as error:
        raise ConfigurationError(
            f"  VAR_DIR: {var_dir} cannot be used ({error.strerror}); choose one that you may write to"
        ) from None


def _api_origins(chosen: dict[str, Any], *, embedded: bool) -> list[str]:
    """Return the only addresses that credentials may be sent to: the hosted API, or what the operator lists."""
    origins = [values.origin(item) for item in chosen["CLEANLIST_API_ORIGINS"]]
    if embedded:
        origins += [f"http://{host}:{chosen['SANDBOX_PORT']}" for host in ("127.0.0.1", "localhost")]
    return origins


def _allow_local_targets(chosen: dict[str, Any], *, embedded: bool) -> bool:
    """Return whether webhooks may be sent to this machine itself: if the operator says so, else only for the demo.

    The sandbox's receivers are on loopback. Where the console is reached from this machine only, nobody gains by it.
    """
    if chosen["WEBHOOK_ALLOW_LOCAL_TARGETS"] is not None:
        return bool(chosen["WEBHOOK_ALLOW_LOCAL_TARGETS"])
    hosts = {chosen["BIND_ADDRESS"], urlsplit(chosen["PUBLIC_URL"] or "http://localhost").hostname}
    only_here = embedded and not chosen["ALLOWED_HOSTS"] and not chosen["TRUSTED_PROXY_COUNT"]
    return only_here and hosts <= {"127.0.0.1", "::1", "localhost"}


def _oidc(chosen: dict[str, Any]) -> dict[str, Any] | None:
    """Return the identity provider as django-allauth wants it, or None where signing in by one is off."""
    if not chosen["OIDC_ISSUER_URL"]:
        return None
    return {
        "provider_id": "sso",
        "name": chosen["OIDC_NAME"],
        "client_id": chosen["OIDC_CLIENT_ID"],
        "secret": chosen["OIDC_CLIENT_SECRET"],
        "settings": {"server_url": chosen["OIDC_ISSUER_URL"].rstrip("/"), "oauth_pkce_enabled": True},
    }
