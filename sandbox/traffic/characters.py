"""The cast: who holds which key, how it is used, from where and with what. Plain data."""

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox import founding
from sandbox.directory import EnrichmentType

Habit = Literal["pipeline", "nightly", "crm", "monitor", "casual", "none"]

# Calls are logged from the address ranges that are reserved for documentation (RFC 5737).
PYTHON_REQUESTS = "python-requests/2.32.3"
SDK = "cleanlist-ai/2.0.0"
NODE_FETCH = "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)"
CURL = "curl/8.5.0"

DATA_TEAM = "user_sandboxDataTeam"
SALES_OPERATIONS = "user_sandboxSalesOperations"

# Everybody but the administering user, who is there from the first minute (`founding`).
USERS: Mapping[str, tuple[str, str]] = {
    DATA_TEAM: ("Data team", "data-team@example-works.test"),
    SALES_OPERATIONS: ("Sales operations", "sales-operations@example-works.test"),
}
USER_SCOPES = ["people:read", "lists:read", "enrich:read", "enrich:write", "credits:read"]


@dataclass(frozen=True, slots=True)
class Character:
    """One key. Times are days before the start of the traffic; a negative number lies after it."""

    slug: str
    name: str
    owner: str
    habit: Habit
    user_agent: str
    addresses: tuple[str, ...]
    created: float
    expires: float | None = None
    revoked: float | None = None
    last_use: float | None = None
    enrichments: Mapping[EnrichmentType, int] = field(default_factory=lambda: {"partial": 1})
    webhooks: Mapping[str, int] = field(default_factory=dict)

    def key_id(self, seed: int) -> str:
        """Return the key's id, the same for the same seed."""
        return _key_id(seed, self.slug)

    def ends(self) -> float:
        """Return how many days before the start its use ended; 0 when it never did."""
        return max([0.0, *(day for day in (self.expires, self.revoked, self.last_use) if day is not None)])


@functools.cache  # asked once for each row of the past
def _key_id(seed: int, slug: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox-traffic/{seed}/{slug}"))


OPERATIONS = founding.USER_ID

CAST: tuple[Character, ...] = (
    Character(
        slug="pipeline",
        name="Production pipeline",
        owner=OPERATIONS,
        habit="pipeline",
        user_agent=PYTHON_REQUESTS,
        addresses=("203.0.113.10", "203.0.113.11", "203.0.113.12"),
        created=128,
        enrichments={"partial": 60, "full": 23, "phone_only": 15, "none": 2},
        webhooks={"works": 80, "slow": 8, "broken": 4},
    ),
    Character(
        slug="nightly",
        name="Nightly batch",
        owner=OPERATIONS,
        habit="nightly",
        user_agent=NODE_FETCH,
        addresses=("198.51.100.24",),
        created=97,
        enrichments={"partial": 1},
        webhooks={"works": 12, "broken": 3, "hangs": 2},
    ),
    Character(
        slug="crm",
        name="CRM sync",
        owner=OPERATIONS,
        habit="crm",
        user_agent=SDK,
        addresses=("192.0.2.61", "192.0.2.62"),
        created=64,
        enrichments={"partial": 95, "full": 5},
    ),
    Character(
        slug="monitor",
        name="Monitoring",
        owner=OPERATIONS,
        habit="monitor",
        user_agent=CURL,
        addresses=("192.0.2.200",),
        created=120,
    ),
    Character(
        slug="idle",
        name="Campaign import",
        owner=OPERATIONS,
        habit="casual",
        user_agent=PYTHON_REQUESTS,
        addresses=("203.0.113.77",),
        created=71,
        last_use=24.3,
        webhooks={"missing": 1},
    ),
    Character(
        slug="expired",
        name="Trial notebook",
        owner=OPERATIONS,
        habit="casual",
        user_agent=PYTHON_REQUESTS,
        addresses=("198.51.100.143",),
        created=39,
        expires=9.2,
    ),
    Character(
        slug="expiring",
        name="Contractor access",
        owner=OPERATIONS,
        habit="casual",
        user_agent=CURL,
        addresses=("198.51.100.8",),
        created=27,
        expires=-2.9,
        webhooks={"vanished": 1, "works": 2},
    ),
    Character(
        slug="revoked",
        name="Staging",
        owner=OPERATIONS,
        habit="casual",
        user_agent=NODE_FETCH,
        addresses=("203.0.113.140", "198.51.100.199"),
        created=88,
        revoked=12.4,
        webhooks={"missing": 2, "works": 1},
    ),
    Character(
        slug="unused",
        name="Disaster recovery",
        owner=OPERATIONS,
        habit="none",
        user_agent="",
        addresses=(),
        created=52,
    ),
    Character(
        slug="notebook",
        name="Analysis notebook",
        owner=DATA_TEAM,
        habit="casual",
        user_agent=PYTHON_REQUESTS,
        addresses=("198.51.100.51",),
        created=45,
    ),
    Character(
        slug="sequencer",
        name="Sequencer",
        owner=SALES_OPERATIONS,
        habit="casual",
        user_agent=SDK,
        addresses=("192.0.2.33",),
        created=33,
        webhooks={"works": 3, "slow": 1},
    ),
    Character(
        slug="spreadsheet",
        name="Spreadsheet add-on",
        owner=SALES_OPERATIONS,
        habit="casual",
        user_agent=NODE_FETCH,
        addresses=("192.0.2.34",),
        created=20,
    ),
)
