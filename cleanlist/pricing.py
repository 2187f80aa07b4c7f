"""What an enrichment costs, as the service documents it (``docs/cleanlist-api.md``, "Credits")."""

from collections.abc import Mapping
from typing import Final

# Credits for each that is found.
EMAIL: Final = 1
PHONE: Final = 10
# Credits that one contact costs at most, by type of enrichment. As many are reserved while it runs.
MOST_FOR_CONTACT: Final[Mapping[str, int]] = {"none": 0, "partial": EMAIL, "phone_only": PHONE, "full": EMAIL + PHONE}
MAX_CONTACTS: Final = 250  # of one request
