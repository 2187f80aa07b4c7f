"""The objects that the routes share, created once when the process starts."""

from dataclasses import dataclass, field

from .auth.authentication import Authenticator
from .auth.session_tokens import SessionTokens
from .data_dir import DataDir
from .db.store import Store
from .http.faults import ActiveFaults
from .http.rate_limits import FixedWindowLimiter
from .request_log import RequestLogWriter
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    data_dir: DataDir
    store: Store
    tokens: SessionTokens
    authenticator: Authenticator
    request_log: RequestLogWriter
    windows: FixedWindowLimiter = field(default_factory=FixedWindowLimiter)
    faults: ActiveFaults = field(default_factory=ActiveFaults)


def create_services(settings: Settings) -> Services:
    """Open the data directory and create the services on it."""
    data_dir = DataDir(settings.data_dir)
    store = Store(data_dir.database)
    tokens = SessionTokens(data_dir, settings)
    return Services(
        settings=settings,
        data_dir=data_dir,
        store=store,
        tokens=tokens,
        authenticator=Authenticator(store, tokens, settings),
        request_log=RequestLogWriter(store),
    )
