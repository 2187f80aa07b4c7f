"""The check of a request's shape: of its body, or as far as it is known without that."""

from cleanlist.pricing import MAX_CONTACTS
from troubleshooting.body.validation import BodyFinding, BodyValidation
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, link
from workspaces.models import Workspace

MOST_LISTED = 100
RULE = "Each contact needs linkedin_url, or first_name and last_name together with company_domain or company_name."


def result_of_body(verdict: BodyValidation) -> CheckResult:
    """Return what is wrong with a body: location, problem and remedy of each finding."""
    facts = tuple((format_location(found), f"{found.message} {found.fix}") for found in verdict.findings[:MOST_LISTED])
    left_out = len(verdict.findings) - MOST_LISTED
    if left_out > 0:
        facts += (("And more", f"{left_out:,} further findings; correct these first."),)
    size = f"{verdict.contacts:,} contacts, {verdict.most_credits:,} credits at most"
    if verdict.accepted:
        also = " What is listed is ignored or worth a look, and no reason to refuse it." if facts else ""
        return CheckResult("ok", f"The API takes this body ({size}).{also}", facts=facts)
    first = verdict.findings[0] if verdict.findings else None
    count = sum(found.in_answer for found in verdict.findings)
    more = "" if count < 2 else f" {count:,} things are to be corrected."
    return CheckResult(
        "failed",
        f"The API answers {verdict.status} to this body.{more}",
        title=first.message.removesuffix(".") if first else f"The API answers {verdict.status} to this body",
        fix=first.fix if first else "",
        facts=facts,
    )


def format_location(found: BodyFinding) -> str:
    """Return the location of a finding in the usual notation: ``contacts[7].first_name``."""
    parts = found.loc[1:]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".") or "body"


def shape(workspace: Workspace, case: Case) -> CheckResult:
    """Return what is wrong with a request without its body: from its number of contacts and upstream's message."""
    if case.contacts is not None and case.contacts > MAX_CONTACTS:
        batches = -(-case.contacts // MAX_CONTACTS)
        return CheckResult(
            "failed",
            f"It holds {case.contacts:,} contacts; one request takes {MAX_CONTACTS} at most.",
            title=f"The request holds {case.contacts:,} contacts, more than {MAX_CONTACTS}",
            fix=f"Split it into {batches} batches of at most {MAX_CONTACTS}. They may be sent side by side, as "
            "long as the rate limit is kept. Paste the body to have it split for you.",
        )
    if case.topic == "shape" and case.said:
        return CheckResult(
            "failed",
            f"Cleanlist named what it did not accept. {RULE}",
            title="Cleanlist named the parts that it did not accept",
            fix="Correct what is named and send the request again. The count begins at 0: contacts[7] is the eighth.",
            facts=(("Cleanlist said", case.said),),
        )
    text = f"Paste the request's body to have every contact checked. {RULE}"
    return CheckResult("skipped", text, links=link(workspace, "Check a request body", "troubleshoot_body"))
