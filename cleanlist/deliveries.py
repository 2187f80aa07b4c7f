"""Reads the webhook delivery log.

Neither its envelope nor its rows are documented in full, so every usual form is read, and what is not as expected
costs that field only, never the page.
"""

from typing import Final

from cleanlist.listings import listing_of
from cleanlist.results import DeliveryAttempt

# Other names under which a field is looked for.
_ALSO: Final = {
    "id": ("attempt_id",),
    "attempt_number": ("attempt",),
    "response_status_code": ("status_code", "http_status"),
    "error_message": ("error",),
    "url": ("target_url", "endpoint"),
    "next_attempt_at": ("next_retry_at",),
}
read_deliveries: Final = listing_of(DeliveryAttempt, "deliveries", "attempts", also=_ALSO)
