"""The check of a request's shape, as far as it is known without its body: what upstream said, and the 250."""

from dashboard.troubleshooting.cases import Case
from dashboard.troubleshooting.results import Result
from workspaces.models import Workspace

MOST_CONTACTS = 250
RULE = "Each contact needs linkedin_url, or first_name and last_name together with company_domain or company_name."


def shape(_: Workspace, case: Case) -> Result:
    """Say what is wrong with the request by its number of contacts and by upstream's words."""
    if case.contacts is not None and case.contacts > MOST_CONTACTS:
        batches = -(-case.contacts // MOST_CONTACTS)
        return Result(
            "failed",
            f"It holds {case.contacts:,} contacts; one request takes {MOST_CONTACTS} at most.",
            title=f"The request holds {case.contacts:,} contacts, more than {MOST_CONTACTS}",
            fix=f"Split it into {batches} batches of at most {MOST_CONTACTS}. They may be sent side by side, as "
            "long as the rate limit is kept.",
        )
    if case.topic == "shape" and case.said:
        return Result(
            "failed",
            f"Cleanlist named what it did not accept. {RULE}",
            title="Cleanlist named the parts that it did not accept",
            fix="Correct what is named and send the request again. The count begins at 0: contacts[7] is the eighth.",
            facts=(("Cleanlist said", case.said),),
        )
    return Result("skipped", f"Paste the request's body to have every contact checked. {RULE}")
