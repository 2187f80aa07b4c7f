"""The console's configuration: environment variables in, one checked object out.

Nothing else reads the environment. Every bad value is reported, all of them at once, before anything starts.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from environs import Env, EnvValidationError, ValidationError, validate

from dashboard.secrets import generated_secret

ROOT = Path(__file__).resolve().parent.parent
HOSTED_API = "https://api.cleanlist.ai"


class ConfigurationError(Exception):
    """The environment holds values that the console cannot start with; the message names each of them."""


@dataclass(frozen=True)
class Environment:
    """Every setting that an operator can choose. The README's table explains each."""

    var_dir: Path
    embedded: bool
    debug: bool
    port: int
    sandbox_port: int
    public_url: str
    allowed_hosts: list[str]
    trusted_proxy_count: int
    secret_key: str
    encryption_keys: list[str]
    databases: dict[str, Any]
    redis_url: str
    email: dict[str, Any]
    email_from: str
    api_origins: list[str]
    rate_limit_per_minute: int
    rate_limit_share_percent: int
    poll_balance_seconds: int
    poll_keys_seconds: int
    poll_requests_seconds: int
    time_zone: str
    log_level: str
    log_format: str


def origin(value: str) -> str:
    """Return ``value`` as scheme and host only, or raise ValidationError for anything that is not an origin."""
    parts = urlsplit(value.strip().rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        raise ValidationError(f"{value!r} is not an address such as https://api.example.com")
    if parts.username or parts.password:
        raise ValidationError(f"{value!r} must not carry a user name or password")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _redis_url(env: Env, var_dir: Path) -> str:
    """Return REDIS_URL, or the socket of the bundled server: a socket needs no port and no password."""
    url: str = env.str("REDIS_URL", "")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigurationError("REDIS_URL must start with redis://, rediss:// or unix://")
    return url or f"unix://{var_dir / 'redis' / 'redis.sock'}"


def _database(env: Env, var_dir: Path) -> dict[str, Any]:
    """Return DATABASE_URL as Django wants it, or the embedded SQLite file."""
    url: str = env.str("DATABASE_URL", "")
    if not url:
        url = f"sqlite:///{var_dir / 'console.sqlite3'}"
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"DATABASE_URL cannot be read: {error}") from None
    if "sqlite3" in config["ENGINE"]:
        # Immediate transactions: a writer waits for the lock at BEGIN, where waiting is possible,
        # instead of failing in the middle with "database is locked".
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
    return config


def _secrets(env: Env, var_dir: Path, *, generate: bool) -> tuple[str, list[str]]:
    """Return SECRET_KEY and ENCRYPTION_KEYS; the embedded set makes its own on first start (mode 0600)."""
    secret_key: str = env.str("SECRET_KEY", "")
    keys: list[str] = env.list("ENCRYPTION_KEYS", [])
    if not generate and not (secret_key and keys):
        raise ConfigurationError(
            "With DATABASE_URL set, SECRET_KEY and ENCRYPTION_KEYS must be set too. "
            "`python manage.py generate_keys` prints a fresh pair."
        )
    return (
        secret_key or generated_secret(var_dir / "secret_key", kind="django"),
        keys or [generated_secret(var_dir / "encryption_key", kind="fernet")],
    )


def _api_origins(env: Env, sandbox_port: int, *, embedded: bool) -> list[str]:
    """Return the only addresses that credentials may be sent to: the hosted API, or what the operator lists."""
    origins: list[str] = env.list("CLEANLIST_API_ORIGINS", [HOSTED_API])
    if embedded:
        origins = [*origins, f"http://127.0.0.1:{sandbox_port}"]
    try:
        return [origin(item) for item in origins]
    except ValidationError as error:
        raise ConfigurationError(f"CLEANLIST_API_ORIGINS: {error}") from None


def read_environment() -> Environment:
    """Return the checked configuration.

    Raises ConfigurationError with one line for each bad value.
    """
    env = Env(eager=False)
    positive = validate.Range(min=1)
    port = env.int("PORT", 8000, validate=validate.Range(1, 65535))
    sandbox_port = env.int("SANDBOX_PORT", 8001, validate=validate.Range(1, 65535))
    var_dir = Path(env.str("VAR_DIR", str(ROOT / "var"))).expanduser().resolve()
    embedded = not os.environ.get("DATABASE_URL")
    public_url = env.str("PUBLIC_URL", f"http://localhost:{port}")
    values: dict[str, Any] = {
        "debug": env.bool("DEBUG", False),
        "allowed_hosts": env.list("ALLOWED_HOSTS", []),
        "trusted_proxy_count": env.int("TRUSTED_PROXY_COUNT", 0, validate=validate.Range(0, 10)),
        "email_from": env.str("EMAIL_FROM", "Cleanlist Console <console@localhost>"),
        "rate_limit_per_minute": env.int("RATE_LIMIT_PER_MINUTE", 60, validate=positive),
        "rate_limit_share_percent": env.int("RATE_LIMIT_SHARE_PERCENT", 20, validate=validate.Range(1, 100)),
        "poll_balance_seconds": env.int("POLL_BALANCE_SECONDS", 60, validate=positive),
        "poll_keys_seconds": env.int("POLL_KEYS_SECONDS", 60, validate=positive),
        "poll_requests_seconds": env.int("POLL_REQUESTS_SECONDS", 60, validate=positive),
        "time_zone": env.str("TIME_ZONE", "UTC"),
        "log_level": env.str(
            "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
        ),
        "log_format": env.str("LOG_FORMAT", "text", validate=validate.OneOf(["text", "json"])),
    }
    try:
        env.seal()
        public_url = origin(public_url)
        email = dict(dj_email_url.parse(env.str("EMAIL_URL", "") or "file:///"))
    except EnvValidationError as error:
        lines = [f"{name}: {'; '.join(problems)}" for name, problems in error.error_messages.items()]
        raise ConfigurationError("\n".join(lines)) from None
    except (ValidationError, ValueError, KeyError) as error:
        raise ConfigurationError(f"PUBLIC_URL or EMAIL_URL: {error}") from None
    if not os.environ.get("EMAIL_URL"):
        email = {"EMAIL_BACKEND": "dashboard.mail.EmlFileBackend"}
    secret_key, encryption_keys = _secrets(env, var_dir, generate=embedded)
    return Environment(
        var_dir=var_dir,
        embedded=embedded,
        port=port,
        sandbox_port=sandbox_port,
        public_url=public_url,
        secret_key=secret_key,
        encryption_keys=encryption_keys,
        databases={"default": _database(env, var_dir)},
        redis_url=_redis_url(env, var_dir),
        email=email,
        api_origins=_api_origins(env, sandbox_port, embedded=embedded),
        **values,
    )
