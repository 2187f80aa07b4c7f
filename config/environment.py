"""The console's configuration: environment variables, parsed and validated into one object.

Nothing else reads the environment, except for secrets named in a file for `apply`. All invalid values are reported at
once, before anything starts.

To add a setting, add one line to ``Environment`` and one each to README's table and ``.env.sample``; a test compares
them.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from dotenv import dotenv_values
from environs import Env, EnvValidationError, validate

from config import setting_checks
from config.connections import database, redis_socket
from config.var_dir import DirectoryNotPrivate, make_private
from core.secret_files import read_file, read_or_create_secret

ROOT = Path(__file__).resolve().parent.parent
# The default directory of data and settings file: the checkout, or for an installed console, which may be replaced
# together with other packages, the account's data directory.
HOME = (
    ROOT
    if (ROOT / "pyproject.toml").is_file()
    # Not Path.expanduser, which fails for an account without a home, as in many containers.
    else Path(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "cleanlist-console")  # noqa: PTH111
)
HOSTED_API = "https://api.cleanlist.ai"
HOSTED_CLERK = "https://clerk.cleanlist.ai"  # creates the management sessions of the hosted API

# The similarity from which a name counts as a misspelled setting: two letters swapped, one too many or too few.
_NEARLY = 0.85


class ConfigurationError(Exception):
    """The environment contains values that the console cannot start with; the message lists them."""


Values = dict[str, Any]  # by the names of the settings


def _setting(
    default: object, check: Callable[[Any], object] | None = None, *, secret: bool = False, support: bool = False
) -> Any:
    """Declare one setting. ``secret`` hides it in ``repr``; ``support`` includes it in the support bundle."""
    return field(repr=not secret, metadata={"default": default, "check": check, "support": support})


_PORT = validate.Range(1, 65535)
_POSITIVE = validate.Range(min=1)


@dataclass(frozen=True)
class Environment:
    """Every setting that an operator can choose, with its name, type, default and check.

    The variable has the name in capitals; its value may also be in a file named by ``<NAME>_FILE``.
    """

    var_dir: Path = _setting(HOME / "var")
    static_dir: str = _setting("")
    debug: bool = _setting(default=False, support=True)
    bind_address: str = _setting("127.0.0.1")
    port: int = _setting(8000, _PORT)
    sandbox_port: int = _setting(8001, _PORT)
    public_url: str = _setting("", setting_checks.is_origin)
    allowed_hosts: list[str] = _setting([])
    trusted_proxy_count: int = _setting(0, validate.Range(0, 10))
    # SQLite allows one writer at a time, so more threads would only queue there.
    web_threads: int = _setting(4, validate.Range(1, 64))
    # The server itself refuses a URL above 64 KiB, and more than 100 headers.
    max_header_kb: int = _setting(16, validate.Range(4, 60))
    body_seconds: int = _setting(30, validate.Range(1, 600))
    secret_key: str = _setting("", setting_checks.is_secret_key, secret=True)
    secret_key_fallbacks: list[str] = _setting([], setting_checks.are_secret_keys, secret=True)
    encryption_keys: list[str] = _setting([], setting_checks.are_encryption_keys, secret=True)
    database_url: str = _setting("", setting_checks.is_database_url, secret=True)
    redis_url: str = _setting("", setting_checks.is_redis_url, secret=True)
    email_url: str = _setting("", setting_checks.is_email_url, secret=True)
    email_from: str = _setting("Cleanlist Console <console@localhost>", setting_checks.is_sender)
    console_admin_email: str = _setting("admin@localhost", setting_checks.is_email)
    console_admin_password: str = _setting("", secret=True)
    cleanlist_api_origins: list[str] = _setting([HOSTED_API, HOSTED_CLERK], setting_checks.are_origins)
    oidc_issuer_url: str = _setting("", setting_checks.is_issuer)
    oidc_client_id: str = _setting("")
    oidc_client_secret: str = _setting("", secret=True)
    oidc_name: str = _setting("single sign-on")
    sso_only_except: str = _setting("", setting_checks.is_email_or_empty)
    require_second_factor: bool = _setting(default=False)
    # The minimum is five minutes, because the limit is accurate to a minute; the maximum is a month. Below, an hour to
    # a quarter of a year.
    session_idle_minutes: int = _setting(720, validate.Range(5, 30 * 24 * 60), support=True)
    session_hours: int = _setting(168, validate.Range(1, 90 * 24), support=True)
    rate_limit_per_minute: int = _setting(60, _POSITIVE, support=True)
    rate_limit_share_percent: int = _setting(20, validate.Range(1, 100), support=True)
    poll_balance_seconds: int = _setting(60, _POSITIVE, support=True)
    poll_keys_seconds: int = _setting(60, _POSITIVE, support=True)
    poll_requests_seconds: int = _setting(60, _POSITIVE, support=True)
    poll_deliveries_seconds: int = _setting(30, _POSITIVE, support=True)
    # 13 months: a year to compare with, plus the current month.
    keep_requests_days: int = _setting(396, _POSITIVE, support=True)
    keep_requests_rows: int = _setting(0, setting_checks.is_row_limit, support=True)
    keep_alerts_days: int = _setting(396, _POSITIVE, support=True)
    keep_deliveries_days: int = _setting(396, _POSITIVE, support=True)
    hsts_subdomains: bool = _setting(default=False)
    alerts_worker: bool = _setting(default=False, support=True)
    heartbeat_url: str = _setting("", setting_checks.is_web_address, secret=True)
    metrics_token: str = _setting("", setting_checks.is_metrics_token, secret=True)
    webhook_allow_local_targets: bool | None = _setting(None)
    time_zone: str = _setting("UTC", setting_checks.is_time_zone, support=True)
    log_level: str = _setting("INFO", validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    log_format: str = _setting("text", validate.OneOf(["text", "json"]))

    @property
    def static_root(self) -> Path:
        """Return the directory of the collected static files."""
        return Path(self.static_dir).expanduser().resolve() if self.static_dir else self.var_dir / "static"

    @property
    def embedded(self) -> bool:
        """Return whether the database is the embedded set's SQLite file."""
        return not self.database_url

    @property
    def databases(self) -> dict[str, setting_checks.DatabaseSettings]:
        return {"default": database(self.database_url, self.var_dir)}

    @property
    def bundled_redis(self) -> bool:
        """Return whether ``manage.py up`` starts its own Redis server."""
        return not self.redis_url

    @property
    def redis_address(self) -> str:
        """Return the URL of the bundled or the operator's Redis."""
        return self.redis_url or f"unix://{redis_socket(self.var_dir)}"

    @property
    def email(self) -> dict[str, object]:
        """Return Django's settings for sending mail; without a server, mail is written to files."""
        return (
            setting_checks.email(self.email_url) if self.email_url else {"EMAIL_BACKEND": "config.mail.EmlFileBackend"}
        )

    @property
    def oidc(self) -> dict[str, object] | None:
        """Return the identity provider in django-allauth's form, or None if single sign-on is off."""
        if not self.oidc_issuer_url:
            return None
        return {
            "provider_id": "sso",
            "name": self.oidc_name,
            "client_id": self.oidc_client_id,
            "secret": self.oidc_client_secret,
            "settings": {"server_url": self.oidc_issuer_url.rstrip("/"), "oauth_pkce_enabled": True},
        }


# The names of all variables that are read. In addition, ENV_FILE names the settings file.
VARIABLES = tuple(declared.name.upper() for declared in fields(Environment))
FOR_SUPPORT = tuple(declared.name.upper() for declared in fields(Environment) if declared.metadata["support"])


def read_environment() -> Environment:
    """Return the validated configuration from the environment and from ``.env`` in HOME, if it exists.

    Raises ConfigurationError with one line for each invalid value.
    """
    env = _FileAwareEnv(eager=False)
    named = _read_file(env)
    chosen = _chosen(env)
    problems = _sealed(env) + _contradictions(chosen)
    problems += [f"{name}: unknown setting. Did you mean {meant}?" for name, meant in misspelled(named).items()]
    if problems:
        raise ConfigurationError("\n".join(f"  {problem}" for problem in problems))
    return Environment(**chosen | _completed(chosen))


class _FileAwareEnv(Env):
    """Reads a variable from the environment, or from the file named by the variable with suffix ``_FILE``.

    Unlike the library's FileAwareEnv, it reports all problems together, and strips only line breaks.
    """

    def _get_value(self, env_key: str, default: object) -> Any:
        path = super()._get_value(f"{env_key}_FILE", "")
        given = super()._get_value(env_key, default)
        if not path:
            return given
        if given is not default and given:
            self._errors[env_key].append(f"set either this or {env_key}_FILE, not both")
            return given
        try:
            return read_file(Path(path)).decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            self._errors[f"{env_key}_FILE"].append(f"{path!r} can't be read ({reason})")
            return default


def misspelled(names: Iterable[str]) -> dict[str, str]:
    """Return which of ``names`` look like misspelled settings, with the intended setting.

    Other unknown names are accepted: a settings file may also contain secrets for ``apply``.
    """
    known = {"ENV_FILE", *VARIABLES, *(f"{name}_FILE" for name in VARIABLES)}
    found = {name: get_close_matches(name.upper(), known, 1, _NEARLY) for name in set(names) - known}
    return {name: close[0] for name, close in sorted(found.items()) if close}


def settings_file() -> Path | None:
    """Return the settings file, if there is one; an empty ENV_FILE means none. Raises ConfigurationError."""
    chosen = os.environ.get("ENV_FILE")
    path = Path(chosen) if chosen else HOME / ".env"
    if chosen and not path.is_file():
        raise ConfigurationError(f"  ENV_FILE: file {path} not found")
    return path if chosen != "" and path.is_file() else None


def secrets_in(path: Path) -> set[str]:
    """Return the names of the secret settings in a file."""
    secret = {declared.name.upper() for declared in fields(Environment) if not declared.repr}
    return secret & set(dotenv_values(path, interpolate=False))


def _read_file(env: Env) -> list[str]:
    """Read the settings file and return the names in it; the environment takes precedence."""
    path = settings_file()
    if path is None:
        return []
    env.read_env(path, recurse=False)
    return list(dotenv_values(path, interpolate=False))


def _chosen(env: Env) -> Values:
    """Return every setting as the operator gave it; ``env`` collects errors."""
    readers: dict[object, Any] = {
        str: env.str,
        int: env.int,
        bool: env.bool,
        bool | None: env.bool,
        list[str]: env.list,
        Path: env.path,
    }
    return {
        one.name: readers[one.type](one.name.upper(), one.metadata["default"], validate=one.metadata["check"])
        for one in fields(Environment)
    }


def _sealed(env: Env) -> list[str]:
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast("dict[str, list[str]]", error.error_messages)
        return [f"{name}: {'; '.join(problems)}" for name, problems in messages.items()]
    return []


def _contradictions(chosen: Values) -> list[str]:
    """Return conflicts between values that are valid on their own."""
    problems = []
    if chosen["port"] is not None and chosen["port"] == chosen["sandbox_port"]:
        problems.append("SANDBOX_PORT: must differ from PORT")
    if chosen["database_url"]:
        problems += [
            f"{name}: must be set when DATABASE_URL is; {setting_checks.NEW_KEYS}"
            for name in ("SECRET_KEY", "ENCRYPTION_KEYS")
            if chosen[name.lower()] in ("", [])
        ]
    if chosen["oidc_issuer_url"]:
        problems += [
            f"{name}: must be set when OIDC_ISSUER_URL is; get it from your identity provider"
            for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
            if not chosen[name.lower()]
        ]
    if chosen["sso_only_except"] and not chosen["oidc_issuer_url"]:
        problems.append("SSO_ONLY_EXCEPT: requires OIDC_ISSUER_URL, or no one else could sign in")
    if chosen["debug"] and (chosen["public_url"] or "").strip().lower().startswith("https://"):
        problems.append(
            "DEBUG: must be off when PUBLIC_URL is https: its error pages show code and settings to everyone"
        )
    return problems


def _completed(chosen: Values) -> dict[str, object]:
    """Return defaults that depend on other settings."""
    var_dir = chosen["var_dir"].expanduser().resolve()
    secret_key, encryption_keys = _secrets(chosen, var_dir)
    return {
        "var_dir": var_dir,
        "public_url": setting_checks.origin(chosen["public_url"] or f"http://localhost:{chosen['port']}"),
        "secret_key": secret_key,
        "encryption_keys": encryption_keys,
        "cleanlist_api_origins": _api_origins(chosen),
        "time_zone": setting_checks.time_zone(chosen["time_zone"]),
        "webhook_allow_local_targets": _allow_local_targets(chosen),
    }


def _secrets(chosen: Values, var_dir: Path) -> tuple[str, list[str]]:
    """Return SECRET_KEY and ENCRYPTION_KEYS; the embedded set creates them on first start (mode 0600)."""
    try:
        make_private(var_dir)
        return (
            chosen["secret_key"] or read_or_create_secret(var_dir / "secret_key", kind="django"),
            chosen["encryption_keys"] or [read_or_create_secret(var_dir / "encryption_key", kind="fernet")],
        )
    except DirectoryNotPrivate as error:
        raise ConfigurationError(f"  VAR_DIR: {error}") from None
    except OSError as error:
        raise ConfigurationError(
            f"  VAR_DIR: {var_dir} can't be used ({error.strerror}); choose a writable directory"
        ) from None


def _api_origins(chosen: Values) -> list[str]:
    """Return the only origins that credentials may be sent to: the hosted API, or those that the operator lists."""
    origins = [setting_checks.origin(item) for item in chosen["cleanlist_api_origins"]]
    if not chosen["database_url"]:
        origins += [f"http://{host}:{chosen['sandbox_port']}" for host in ("127.0.0.1", "localhost")]
    return origins


def _allow_local_targets(chosen: Values) -> bool:
    """Return whether webhooks may be sent to this machine: the operator's choice, or by default only for the demo.

    The sandbox's receivers are on loopback. If the console is reachable only from this machine, that is no risk.
    """
    if chosen["webhook_allow_local_targets"] is not None:
        return bool(chosen["webhook_allow_local_targets"])
    hosts = {chosen["bind_address"], urlsplit(chosen["public_url"] or "http://localhost").hostname}
    only_here = not (chosen["database_url"] or chosen["allowed_hosts"] or chosen["trusted_proxy_count"])
    return only_here and hosts <= {"127.0.0.1", "::1", "localhost"}
