"""The demo's API keys as plain data: their owners, and how, from where and with what they are used."""

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.enrichment.contact_directory import EnrichmentType
from sandbox.seed import USER_ID

UsagePattern = Literal["pipeline", "nightly", "crm", "monitor", "casual", "none"]

# IP ip_addresses are from the ranges reserved for documentation (RFC 5737).
PYTHON_REQUESTS = "python-requests/2.32.3"
SDK = "cleanlist-ai/2.0.0"
NODE_FETCH = "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)"
CURL = "curl/8.5.0"

DATA_TEAM = "user_sandboxDataTeam"
SALES_OPERATIONS = "user_sandboxSalesOperations"

# All users but the administrator, who comes with the data directory (`sandbox.seed`).
USERS: Mapping[str, tuple[str, str]] = {
    DATA_TEAM: ("Data team", "data-team@example-works.test"),
    SALES_OPERATIONS: ("Sales operations", "sales-operations@example-works.test"),
}
USER_SCOPES = ["people:read", "lists:read", "enrich:read", "enrich:write", "credits:read"]


@dataclass(frozen=True, slots=True)
class DemoKey:
    """One key. Times are in days before the start of the traffic; negative ones lie after it."""

    slug: str
    name: str
    owner: str
    usage_pattern: UsagePattern
    user_agent: str
    ip_addresses: tuple[str, ...]
    created: float
    expires: float | None = None
    revoked: float | None = None
    last_use: float | None = None
    enrichments: Mapping[EnrichmentType, int] = field(default_factory=lambda: {"partial": 1})
    webhooks: Mapping[str, int] = field(default_factory=dict)

    def key_id(self, seed: int) -> str:
        """Return the key's id, which depends on the seed only."""
        return _key_id(seed, self.slug)

    def use_ended(self) -> float:
        """Return how many days before the start its use ended; 0 if it never did."""
        return max([0.0, *(day for day in (self.expires, self.revoked, self.last_use) if day is not None)])


@functools.cache  # called for each row of the past
def _key_id(seed: int, slug: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox-traffic/{seed}/{slug}"))


OPERATIONS = USER_ID

DEMO_KEYS: tuple[DemoKey, ...] = (
    DemoKey(
        slug="pipeline",
        name="Production pipeline",
        owner=OPERATIONS,
        usage_pattern="pipeline",
        user_agent=PYTHON_REQUESTS,
        ip_addresses=("203.0.113.10", "203.0.113.11", "203.0.113.12"),
        created=128,
        enrichments={"partial": 60, "full": 23, "phone_only": 15, "none": 2},
        webhooks={"works": 80, "slow": 8, "broken": 4},
    ),
    DemoKey(
        slug="nightly",
        name="Nightly batch",
        owner=OPERATIONS,
        usage_pattern="nightly",
        user_agent=NODE_FETCH,
        ip_addresses=("198.51.100.24",),
        created=97,
        enrichments={"partial": 1},
        webhooks={"works": 12, "broken": 3, "hangs": 2},
    ),
    DemoKey(
        slug="crm",
        name="CRM sync",
        owner=OPERATIONS,
        usage_pattern="crm",
        user_agent=SDK,
        ip_addresses=("192.0.2.61", "192.0.2.62"),
        created=64,
        enrichments={"partial": 95, "full": 5},
    ),
    DemoKey(
        slug="monitor",
        name="Monitoring",
        owner=OPERATIONS,
        usage_pattern="monitor",
        user_agent=CURL,
        ip_addresses=("192.0.2.200",),
        created=120,
    ),
    DemoKey(
        slug="idle",
        name="Campaign import",
        owner=OPERATIONS,
        usage_pattern="casual",
        user_agent=PYTHON_REQUESTS,
        ip_addresses=("203.0.113.77",),
        created=71,
        last_use=24.3,
        webhooks={"missing": 1},
    ),
    DemoKey(
        slug="expired",
        name="Trial notebook",
        owner=OPERATIONS,
        usage_pattern="casual",
        user_agent=PYTHON_REQUESTS,
        ip_addresses=("198.51.100.143",),
        created=39,
        expires=9.2,
    ),
    DemoKey(
        slug="expiring",
        name="Contractor access",
        owner=OPERATIONS,
        usage_pattern="casual",
        user_agent=CURL,
        ip_addresses=("198.51.100.8",),
        created=27,
        expires=-2.9,
        webhooks={"vanished": 1, "works": 2},
    ),
    DemoKey(
        slug="revoked",
        name="Staging",
        owner=OPERATIONS,
        usage_pattern="casual",
        user_agent=NODE_FETCH,
        ip_addresses=("203.0.113.140", "198.51.100.199"),
        created=88,
        revoked=12.4,
        webhooks={"missing": 2, "works": 1},
    ),
    DemoKey(
        slug="unused",
        name="Disaster recovery",
        owner=OPERATIONS,
        usage_pattern="none",
        user_agent="",
        ip_addresses=(),
        created=52,
    ),
    DemoKey(
        slug="notebook",
        name="Analysis notebook",
        owner=DATA_TEAM,
        usage_pattern="casual",
        user_agent=PYTHON_REQUESTS,
        ip_addresses=("198.51.100.51",),
        created=45,
    ),
    DemoKey(
        slug="sequencer",
        name="Sequencer",
        owner=SALES_OPERATIONS,
        usage_pattern="casual",
        user_agent=SDK,
        ip_addresses=("192.0.2.33",),
        created=33,
        webhooks={"works": 3, "slow": 1},
    ),
    DemoKey(
        slug="spreadsheet",
        name="Spreadsheet add-on",
        owner=SALES_OPERATIONS,
        usage_pattern="casual",
        user_agent=NODE_FETCH,
        ip_addresses=("192.0.2.34",),
        created=20,
    ),
)
