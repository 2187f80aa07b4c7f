"""An enrichment's reserved and charged credits, from upstream's figures or from its counts and the price list."""

from decimal import Decimal

from cleanlist.pricing import EMAIL, MAX_CONTACTS, MOST_FOR_CONTACT, PHONE
from usage.changes.types import EnrichmentCredits
from webhooks.models import Workflow

MAX_PER_CONTACT = Decimal(max(MOST_FOR_CONTACT.values()))


def enrichment_credits(row: Workflow) -> EnrichmentCredits:
    """Return an enrichment's credits: upstream's figures if there are any, otherwise counts times the price list."""
    total = row.summary.get("total", 0)
    price = MOST_FOR_CONTACT.get(row.enrichment_type)
    reserved, charged = row.credits_reserved, row.credits_charged
    if reserved is None and price is not None and total:
        reserved = Decimal(price * total)
    if charged is None and ("emails_found" in row.summary or "phones_found" in row.summary):
        charged = cost_of_results(row.summary)
    most = reserved if reserved is not None else MAX_PER_CONTACT * (total or MAX_CONTACTS)
    return EnrichmentCredits(row.submitted_at, row.completed_at, reserved, charged, most)


def cost_of_results(summary: dict[str, int]) -> Decimal:
    """Return the cost of an enrichment with these counts: each e-mail address and phone number that was found."""
    return Decimal(EMAIL * summary.get("emails_found", 0) + PHONE * summary.get("phones_found", 0))
