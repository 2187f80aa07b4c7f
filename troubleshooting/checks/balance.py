"""The check of the balance: is there enough for this request, and what is missing."""

from decimal import Decimal

from cleanlist.pricing import MOST_FOR_CONTACT
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, PageLink, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream
from workspaces.models import Workspace

SAFE = "Sending the request again is safe: what failed cost nothing, and what succeeded is not charged twice."
TOP_UP = "Top up in the portal under Settings, Billing; credits arrive seconds after the payment."


def balance(workspace: Workspace, case: Case) -> CheckResult:
    """Read the balance now and compare it with what the request costs at most."""
    if case.topic == "shape" and case.cost is None:
        return CheckResult("skipped", "Paste the request's body to have its cost compared with the balance.")
    try:
        left = call_upstream(workspace, "credits/balance", lambda client: client.credits.balance()).credits
    except FAILURES as error:
        return result_of_error(error, workspace)
    links = link(workspace, "Look at usage and runway", "usage:overview")
    facts = [("Balance", _credits(left))]
    cost = case.cost
    if cost is not None:
        price = MOST_FOR_CONTACT[case.type]
        facts.append(("The request costs at most", f"{case.contacts:,} contacts at {price}: {_credits(Decimal(cost))}"))
    if cost is not None and left < cost:
        return _short(left, Decimal(cost), tuple(facts), links)
    if left <= 0:
        return CheckResult(
            "failed",
            "No credits are left.",
            title="The organization is out of credits",
            fix=f"{TOP_UP} {SAFE}",
            facts=tuple(facts),
            links=links,
        )
    return CheckResult(
        "ok", _enough(case), fix=SAFE if case.topic == "credits" else "", facts=tuple(facts), links=links
    )


def _enough(case: Case) -> str:
    if case.cost is not None:
        return "The balance covers this request now."
    if case.topic == "credits":
        return (
            "There are credits now. If the request was refused, it can cost more than that: tell the number of "
            "contacts and the type, and it is worked out."
        )
    return "There are credits."


def _short(
    left: Decimal, cost: Decimal, facts: tuple[tuple[str, str], ...], links: tuple[PageLink, ...]
) -> CheckResult:
    missing = cost - left
    return CheckResult(
        "failed",
        f"{_are(missing)} missing for this request.",
        title=f"{_are(missing)} missing for this request",
        fix=f"{TOP_UP} Or send fewer contacts, or a cheaper type. {SAFE}",
        facts=(*facts, ("Missing", _credits(missing))),
        links=links,
    )


def _credits(amount: Decimal) -> str:
    return "1 credit" if amount == 1 else f"{amount.normalize():,f} credits"


def _are(amount: Decimal) -> str:
    return f"{_credits(amount)} {'is' if amount == 1 else 'are'}"
