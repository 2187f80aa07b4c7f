"""The check of a request's shape: of its body, or as far as it is known without that."""

import re

from cleanlist.pricing import MAX_CONTACTS
from core.formatting import counted
from troubleshooting.body.validation import BodyFinding, BodyValidation
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, CheckState, link
from troubleshooting.mistakes import MISTAKES, OF_BODY
from troubleshooting.pasted.endpoints import HOST, WRONG_HOST, find_endpoint_mistake, methods_of
from workspaces.models import Workspace

MOST_LISTED, NOT_ALLOWED = 100, 405
_NOT_JSON = re.compile(r"\[(\d{1,9})\]: (?:JSON decode error|Invalid JSON)[^:;]{0,40}(?:: ([^;]{1,120}))?")
_FIELD = re.compile(
    r"(?<![\w.])(?:body[.,] ?)?((?:contacts(?:[\[,.] ?\d{1,6}\]?(?:[,.] ?[a-z_]{1,40})?)?|enrichment_type|webhook_url))"
    r"[\"']?: ([^;\n]{1,120})"
)
RULE = "Each contact needs linkedin_url, or first_name and last_name together with company_domain or company_name."


def result_of_body(verdict: BodyValidation) -> CheckResult:
    """Return what is wrong with a body: location, problem and remedy of each finding."""
    facts = tuple((format_location(found), f"{found.message} {found.fix}") for found in verdict.findings[:MOST_LISTED])
    left_out = verdict.total - MOST_LISTED
    if left_out > 0:
        facts += (("And more", f"{left_out:,} more findings. Fix these first."),)
    size = f"{counted(verdict.contacts, 'contact')}, {counted(verdict.most_credits, 'credit')} at most"
    first = verdict.findings[0] if verdict.findings else None
    if verdict.accepted and first:
        text = f"Valid request ({size}). The findings below are warnings and don't cause a rejection."
        title = f"The body is valid, but: {first.message.removesuffix('.')}"
        return CheckResult("warning", text, title=title, fix=first.fix, facts=facts)
    if verdict.accepted:
        return CheckResult("ok", f"Valid request ({size}).")
    more = "" if verdict.refused < 2 else f" {verdict.refused:,} things are to be corrected."
    more += " The rest are warnings." if more and verdict.total > verdict.refused else ""
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
    if slip := next((MISTAKES[name] for name in case.slips if name in OF_BODY), None):
        return CheckResult("failed", f"{slip.title}. {slip.text}", title=slip.title, fix=slip.fix)
    if case.contacts is not None and case.contacts > MAX_CONTACTS:
        batches = -(-case.contacts // MAX_CONTACTS)
        return CheckResult(
            "failed",
            f"It has {case.contacts:,} contacts; the limit is {MAX_CONTACTS} per request.",
            title=f"The request has {case.contacts:,} contacts, more than {MAX_CONTACTS}",
            fix=f"Split it into {batches} batches of at most {MAX_CONTACTS}. You can send them in parallel "
            "within the rate limit. To split it automatically, paste the body.",
        )
    if case.topic == "shape" and (at := _NOT_JSON.search(case.said)):
        title = f"The body isn't JSON at character {at[1]}{f': {at[2]}' if at[2] else ''}"
        fix = "Let a library write it (json=, JSON.stringify), or paste the body to see the place."
        return CheckResult("failed", f"{title}. Cleanlist checked no contact.", title=title, fix=fix)
    if case.topic == "shape" and case.said:
        named = _FIELD.search(case.said)
        return CheckResult(
            "failed",
            f"Cleanlist listed what it rejected. {RULE}",
            title=_title_of_field(named) if named else "Cleanlist listed the invalid fields",
            fix="Fix the listed fields and send the request again. Counting starts at 0: contacts[7] is the eighth.",
            facts=(("Cleanlist said", case.said),),
        )
    text = f"Paste the request body to check every contact. {RULE}"
    return CheckResult("skipped", text, links=link(workspace, "Validate a request body", "troubleshoot_body"))


def _title_of_field(found: re.Match[str]) -> str:
    """Return what is wrong with the first field that Cleanlist lists; other tools write its place with commas."""
    place = re.sub(r"[,. ](\d+)", r"[\1]", found[1]).replace(",", ".")
    return f"{place}: {found[2].strip()}"


def endpoint(_: Workspace, case: Case) -> CheckResult:
    """Return what is wrong with the path or the method of a request."""
    if case.topic == WRONG_HOST and case.code:
        title = f"The host is {case.code}, but the API is at {HOST}"
        return CheckResult("failed", f"{title}.", title=title, fix=f"Send the request to https://{HOST}.")
    if case.topic in {"both_ids", "id_name"} and case.subject:
        about = case.subject
        return CheckResult("failed", f"{about.title}. {about.meaning}", title=about.title, fix=about.fix)
    if not case.endpoint:
        return CheckResult("skipped", "Paste the request, or enter its method and path above, to check them.")
    found = find_endpoint_mistake(case.endpoint)
    method, path = case.endpoint.rpartition(" ")[::2]
    if found is None and case.status == NOT_ALLOWED and (methods := methods_of(path).replace(", ", " or ")):
        title = f"{path} takes {methods}, but another method arrived" if method else f"{path} takes {methods}"
        fix = f"Send it with {methods}, to https:// and without a redirect, which can turn a POST into a GET."
        return CheckResult("failed", f"{title}. Cleanlist returns 405 for another method.", title=title, fix=fix)
    if found is None:
        return CheckResult("ok", "The console knows this path, and it takes this method.")
    state: CheckState = "failed" if found.is_sure else "warning"
    return CheckResult(state, f"{found.title}. {found.text}", title=found.title, fix=found.fix)
