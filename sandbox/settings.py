"""The settings of a sandbox process."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits are requests a minute, 0 switches one off; `session_lifetime` is in seconds.

    The paces are factors: `enrichment_pace` for the time that enrichments take, `webhook_pace` for the waits between
    attempts and the time-out of a receiver.
    """

    data_dir: Path
    public_url: str = "http://127.0.0.1:8001"
    # 60 a minute per organization and endpoint, 30 per key, and Clerk's 60-second session tokens are the
    # documented figures of the service.
    org_limit: int = 60
    key_limit: int = 30
    session_lifetime: int = 60
    clerk_issuer: str | None = None
    clerk_jwks_url: str | None = None
    allow_local_webhooks: bool = False
    enrichment_pace: float = 1.0
    webhook_pace: float = 1.0
    traffic: bool = False
    seed: int = 1
    # The state to start in, of `sandbox.scenarios`; None for what the data directory has.
    scenario: str | None = None
    # Whether the data directory is removed at the end, so that its keys may be shown.
    throwaway: bool = False
