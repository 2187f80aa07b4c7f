"""The command line: `python -m sandbox serve`, `python -m sandbox credentials`, `python -m sandbox balance-history`."""

import gc

# Until all is loaded: nothing of it becomes garbage, and looking for some takes a quarter of the time.
gc.disable()

import argparse
import contextlib
import datetime as dt
import ipaddress
import json
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from . import seed
from .auth.credentials import DEFAULT_LIFETIME, SERVER_URL_FILE, collect_credentials
from .data_dir import DataDir
from .db.column_types import utc_now
from .db.store import Store
from .db.tables import LedgerEntry
from .errors import ApiError
from .settings import Settings

BACKLOG = 2048
# The variable that has the control token, for scripts that start a sandbox; whoever guesses it is on this machine.
TOKEN_VARIABLE, MIN_TOKEN = "CLEANLIST_CONTROL_TOKEN", 16
DEFAULT_INTERVAL = 1800  # seconds between two lines of balance-history


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed, 2 could not start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = COMMANDS[options.command](options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the reader of our output is gone, as with `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"cannot use {options.data}: {error.strerror or error}")
    except SQLAlchemyError as error:
        return _fail(f"cannot use the database in {options.data}: {getattr(error, 'orig', error)}")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A Cleanlist-compatible API server.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve requests until stopped",
        epilog=f"The environment variable {TOKEN_VARIABLE} sets the token that /_sandbox demands.",
    )
    where = serve.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="created when missing")
    where.add_argument("--memory", action="store_true", help="keep nothing: the data is removed at the end")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8001, help="0 takes any free port")
    serve.add_argument("--traffic", action="store_true", help="add a busy organization with history")
    serve.add_argument("--scenario", metavar="NAME", help="begin in a state such as outage; see /_sandbox/scenarios")
    serve.add_argument("--seed", type=int, default=1, help="same seed, same history")
    serve.add_argument("--allow-local-webhooks", action="store_true", help="let webhooks reach loopback")
    serve.add_argument("--enrichment-pace", type=_factor, default=1.0, help="0.1 makes enrichments ten times faster")
    serve.add_argument(
        "--webhook-pace", type=_factor, default=1.0, help="0.1 makes waits and timeouts ten times shorter"
    )
    serve.add_argument(
        "--org-limit", type=_count, default=60, help="requests per minute, organization and endpoint; 0 = no limit"
    )
    serve.add_argument("--key-limit", type=_count, default=30, help="requests per minute and key; 0 = no limit")
    serve.add_argument("--session-lifetime", type=_count, default=60, help="lifetime of a minted token in seconds")
    serve.add_argument("--clerk-issuer", help="trust this Clerk issuer instead of the sandbox itself")
    serve.add_argument("--clerk-jwks-url", help="URL of its public keys")
    show = commands.add_parser("credentials", help="print a client's credentials as JSON")
    _add_data_option(show, "of a sandbox: has to exist, and may be empty before the first start")
    show.add_argument("--base-url", help="the server's address, when it is not the one last served at")
    show.add_argument("--session-lifetime", type=_count, default=DEFAULT_LIFETIME, help="seconds")
    history = commands.add_parser("balance-history", help="print the balance history as CSV")
    _add_data_option(history, "of a sandbox")
    history.add_argument("--every", type=_interval, default=DEFAULT_INTERVAL, help="seconds between lines")
    return parser


def _add_data_option(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help=text)


def _existing_data_dir(options: argparse.Namespace) -> DataDir:
    """Return the data directory. Raises NotADirectoryError if it is missing, so that a typo does not create one."""
    if not options.data.is_dir():
        raise NotADirectoryError(None, "directory not found; `serve` creates it, or specify the existing one")
    return DataDir(options.data)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _interval(text: str) -> int:
    if not 1 <= int(text) <= 86400:
        raise argparse.ArgumentTypeError("must be from 1 to 86400")
    return int(text)


def _factor(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError("must be greater than 0 and at most 100")
    return number


def _credentials(options: argparse.Namespace) -> int:
    try:
        credentials = collect_credentials(_existing_data_dir(options), options.base_url, options.session_lifetime)
    except ApiError as error:
        return _fail(f"no API key can be issued: {error.problem}")
    sys.stdout.write(json.dumps(credentials, indent=2) + "\n")
    return 0


def _balance_history(options: argparse.Namespace) -> int:
    sys.stdout.writelines(f"{line}\n" for line in csv_lines(_existing_data_dir(options), options.every))
    return 0


def _serve(options: argparse.Namespace) -> int:
    if bool(options.clerk_issuer) != bool(options.clerk_jwks_url):
        return _fail("--clerk-issuer and --clerk-jwks-url belong together")
    from .scenarios import SCENARIOS  # noqa: PLC0415 - as below

    if options.scenario not in {None, *SCENARIOS}:
        return _fail(f"there is no scenario {options.scenario}; there are {', '.join(SCENARIOS)}")
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and (len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        return _fail(f"{TOKEN_VARIABLE} needs {MIN_TOKEN} or more ASCII characters without spaces")
    try:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.create_server((options.host, options.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = "the port is in use; choose another with --port" if _is_port_in_use(error) else error
        return _fail(f"cannot listen on {options.host}:{options.port}: {reason}")
    # asyncio does not set this on sockets it did not create; without it each response waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = _url(options.host, listener.getsockname()[1])
    if options.memory:
        with tempfile.TemporaryDirectory(prefix="cleanlist-sandbox-", dir=_memory()) as folder:
            options.data = Path(folder)
            _run(options, listener, url)
    else:
        _run(options, listener, url)
    return 0


def _memory() -> str | None:
    """Return a folder that is in memory, or None for the usual one of temporary files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of its own is made in it


def _run(options: argparse.Namespace, listener: socket.socket, url: str) -> None:
    data_dir = DataDir(options.data)
    data_dir.write_json(SERVER_URL_FILE, {"url": url})
    if token := os.environ.get(TOKEN_VARIABLE):
        data_dir.replace_control_token(token)
    # Imported here because it takes half a second, which `credentials` does not need.
    from .server import run  # noqa: PLC0415

    run(_settings(options, url), listener)


def _url(host: str, port: int) -> str:
    """Return a URL that clients on this machine can use, also if the server listens on every interface."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "::1" if address.version == 6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _settings(options: argparse.Namespace, url: str) -> Settings:
    return Settings(
        data_dir=options.data,
        public_url=url,
        org_limit=options.org_limit,
        key_limit=options.key_limit,
        session_lifetime=options.session_lifetime,
        clerk_issuer=options.clerk_issuer,
        clerk_jwks_url=options.clerk_jwks_url,
        allow_local_webhooks=options.allow_local_webhooks,
        enrichment_pace=options.enrichment_pace,
        webhook_pace=options.webhook_pace,
        traffic=options.traffic,
        scenario=options.scenario,
        seed=options.seed,
        throwaway=options.memory,
    )


def _is_port_in_use(error: Exception) -> bool:
    return isinstance(error, OSError) and "in use" in str(error).lower()


def _fail(problem: str) -> int:
    sys.stderr.write(f"sandbox: {problem}\n")
    return 2


def csv_lines(data_dir: DataDir, every: int = DEFAULT_INTERVAL) -> Iterator[str]:
    """Yield the balance, from the ledger, every `every` seconds up to now, as lines of CSV.

    A console that is connected later can import them, and does not start with an empty chart.
    """
    yield "time,credits"
    store = Store(data_dir.database)
    query = (
        select(LedgerEntry.at, LedgerEntry.amount)
        .where(LedgerEntry.organization_id == seed.ORGANIZATION_ID)
        .order_by(LedgerEntry.at, LedgerEntry.sequence)
    )
    with store.reading() as session:
        entries = [(at, amount) for at, amount in session.execute(query)]
    store.close()
    for time, balance in _sample(entries, dt.timedelta(seconds=every), utc_now()):
        yield f"{time.isoformat()},{balance:f}"


def _sample(
    entries: list[tuple[dt.datetime, Decimal]], every: dt.timedelta, until: dt.datetime
) -> Iterator[tuple[dt.datetime, Decimal]]:
    if not entries:
        return
    balance, index, time = Decimal(0), 0, entries[0][0]
    while True:
        while index < len(entries) and entries[index][0] <= time:
            balance += entries[index][1]
            index += 1
        yield time, balance
        if time >= until:
            return
        time = min(time + every, until)


COMMANDS = {"serve": _serve, "credentials": _credentials, "balance-history": _balance_history}

if __name__ == "__main__":
    sys.exit(main())
