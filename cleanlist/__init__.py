"""A client for the Cleanlist API: typed results, one exception tree, secrets that are never shown.

>>> with Client("https://api.cleanlist.ai", ApiKeyCredential(key)) as client:
...     client.credits.balance().credits
"""

from cleanlist._version import __version__
from cleanlist.base_url import checked_base_url
from cleanlist.client import AsyncClient, Client
from cleanlist.credentials import ApiKeyCredential, ClerkSession, Credential, StaticSession, describe_key_format
from cleanlist.models import (
    Acknowledgement,
    AgentRun,
    ApiKey,
    Balance,
    BulkEnrichment,
    Contact,
    CreatedApiKey,
    DeliveryAttempt,
    EnrichmentStatus,
    KeyValidation,
    LeadList,
    PublicApiKey,
    RequestLogEntry,
    UsageReport,
    UsageRow,
    Whoami,
)
from cleanlist.parsing.lists import Listing, MalformedRecord
from cleanlist.retries import Retries
from cleanlist.secret import Secret
from cleanlist.timeouts import Timeouts
from cleanlist.transport.connection_pool import Connections
from cleanlist.transport.transports import observe_with

__all__ = [
    "Acknowledgement",
    "AgentRun",
    "ApiKey",
    "ApiKeyCredential",
    "AsyncClient",
    "Balance",
    "BulkEnrichment",
    "ClerkSession",
    "Client",
    "Connections",
    "Contact",
    "CreatedApiKey",
    "Credential",
    "DeliveryAttempt",
    "EnrichmentStatus",
    "KeyValidation",
    "LeadList",
    "Listing",
    "MalformedRecord",
    "PublicApiKey",
    "RequestLogEntry",
    "Retries",
    "Secret",
    "StaticSession",
    "Timeouts",
    "UsageReport",
    "UsageRow",
    "Whoami",
    "__version__",
    "checked_base_url",
    "describe_key_format",
    "observe_with",
]
