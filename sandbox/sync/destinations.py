"""The destinations of a sync: what they demand of a record, and what they answer when they refuse it."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from sandbox.lists.schemas import LeadRow

ConnectionState = Literal["healthy", "expired", "missing"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A CRM or sequencer. Its messages are the shape in which it answers."""

    name: str
    required: tuple[str, ...]
    expired: str
    missing_field: str

    def refusal(self, lead: LeadRow, state: str) -> str | None:
        """Return why it refuses a lead, or None."""
        if state == "expired":
            return self.expired
        missing = [field for field in self.required if not getattr(lead, field)]
        return self.missing_field.format(missing[0]) if missing else None

    def external_id(self, lead_id: str) -> str:
        """Return the identifier of a lead there: the same at every sync, which updates it."""
        return str(int(hashlib.sha256(f"{self.name}/{lead_id}".encode()).hexdigest()[:10], 16))


CRMS = {
    each.name: each
    for each in (
        Destination(
            "hubspot",
            ("email",),
            "401 EXPIRED_AUTHENTICATION: The OAuth token used to make this call expired. Reconnect HubSpot.",
            "400 VALIDATION_ERROR: Property values were not valid: {} is required",
        ),
        Destination(
            "salesforce",
            ("last_name", "company"),
            "401 INVALID_SESSION_ID: Session expired or invalid. Reconnect Salesforce.",
            "400 REQUIRED_FIELD_MISSING: Required fields are missing: [{}]",
        ),
        Destination(
            "mailchimp",
            ("email",),
            "401 API Key Invalid: Your access token has expired. Reconnect Mailchimp.",
            "400 Invalid Resource: {} is blank",
        ),
    )
}
SEQUENCERS = {
    each.name: each
    for each in (
        Destination(
            "lemlist",
            ("email",),
            "401 Unauthorized: the token has expired. Reconnect Lemlist.",
            "400 Bad Request: {} is required",
        ),
        Destination(
            "smartlead",
            ("email", "first_name"),
            "401 Unauthorized: invalid or expired token. Reconnect Smartlead.",
            '400 Bad Request: "lead_list[0].{}" is required',
        ),
    )
}
