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
        facts += (("And more", f"{left_out:,} more findings. Fix these first."),)
    size = f"{verdict.contacts:,} contacts, {verdict.most_credits:,} credits at most"
    if verdict.accepted:
        also = " The findings below are warnings and don't cause a rejection." if facts else ""
        return CheckResult("ok", f"Valid request ({size}).{also}", facts=facts)
    first = verdict.findings[0] if verdict.findings else None
    count = sum(found.in_answer for found in verdict.findings)
    more = "" if count < 2 else f" {count:,} things are to be corrected."
    return CheckResult(
        "failed",
        f"The API would return {verdict.status} for this body.{more}",
        title=first.message.removesuffix(".") if first else f"The API would return {verdict.status} for this body",
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
            f"It has {case.contacts:,} contacts; the limit is {MAX_CONTACTS} per request.",
            title=f"The request has {case.contacts:,} contacts, more than {MAX_CONTACTS}",
            fix=f"Split it into {batches} batches of at most {MAX_CONTACTS}. You can send them in parallel "
            "within the rate limit. To split it automatically, paste the body.",
        )
    if case.topic == "shape" and case.said:
        return CheckResult(
            "failed",
            f"Cleanlist listed what it rejected. {RULE}",
            title="Cleanlist listed the invalid fields",
            fix="Fix the listed fields and send the request again. Counting starts at 0: contacts[7] is the eighth.",
            facts=(("Cleanlist said", case.said),),
        )
    text = f"Paste the request body to check every contact. {RULE}"
    return CheckResult("skipped", text, links=link(workspace, "Validate a request body", "troubleshoot_body"))
