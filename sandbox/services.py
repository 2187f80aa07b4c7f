"""What the routes share: made once when the process starts."""

from dataclasses import dataclass, field

from .auth import Authenticator
from .data_dir import DataDir
from .faults import Faults
from .limits import FixedWindows
from .request_log import RequestLogWriter
from .sessions import SessionTokens
from .settings import Settings
from .store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    data_dir: DataDir
    store: Store
    tokens: SessionTokens
    authenticator: Authenticator
    request_log: RequestLogWriter
    windows: FixedWindows = field(default_factory=FixedWindows)
    faults: Faults = field(default_factory=Faults)


def assemble(settings: Settings) -> Services:
    """Open the data directory and build what works on it."""
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
