"""Reads the webhook delivery log.

Neither its envelope nor its rows are fully documented, so every usual form is accepted; an unexpected value costs its
field, never the page.
"""

from typing import Final

from cleanlist.models import DeliveryAttempt
from cleanlist.parsing.lists import list_reader

# Alternative names of fields.
_ALIASES: Final = {
    "id": ("attempt_id",),
    "attempt_number": ("attempt",),
    "response_status_code": ("status_code", "http_status"),
    "error_message": ("error",),
    "url": ("target_url", "endpoint"),
    "next_attempt_at": ("next_retry_at",),
}
read_deliveries: Final = list_reader(DeliveryAttempt, "deliveries", "attempts", aliases=_ALIASES)
