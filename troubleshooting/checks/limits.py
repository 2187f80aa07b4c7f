"""Checks of what is limited: the balance, whether it is enough for this request; and the rate of requests.

Of rate limits they say which keys were refused with 429, when, and against which limit.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Max

from cleanlist.pricing import MOST_FOR_CONTACT
from core import clock
from core.formatting import counted, format_time
from keys.log.canonical import endpoint_of
from keys.models import ApiKey, LoggedRequest, mark_namesakes
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, PageLink, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream
from troubleshooting.topics import BODY
from workspaces.models import Workspace
from workspaces.polling.registry import REQUEST_LOG
from workspaces.services.polling import refresh

LOOK_BACK = timedelta(hours=24)
LATELY = timedelta(hours=1)
PER_KEY = 30  # requests a minute (``docs/cleanlist-api.md``, "Rate limits")
MOST_KEYS = 10
MINUTE = timedelta(minutes=1)
RECIPE = """\
import random, time, requests

def call(method, url, **options):
    for attempt in range(6):
        answer = requests.request(method, url, **options)
        if answer.status_code != 429:
            break
        wait = float(answer.headers.get("Retry-After") or 2 ** attempt)
        time.sleep(wait + random.random())
    return answer
"""
SAFE = "Retrying the request is safe: failures are free, and successes aren't charged twice."
TOP_UP = "Top up in the portal under Settings > Billing. Credits arrive seconds after payment."


def rates(workspace: Workspace, case: Case) -> CheckResult:
    """Return how many 429s each key had in the last day, and how busy the minute of the latest one was.

    The log of the case's own key is read afresh; of the others the mirror is fresh enough.
    """
    key = ApiKey.objects.of(workspace).filter(key_id=case.key).first() if case.key else None
    if key is not None and workspace.has_session:
        refresh(workspace, REQUEST_LOG, subject=key.upstream_id)
    if not workspace.polls.filter(resource=REQUEST_LOG).exclude(last_success_at=None).exists():
        text = "The request log hasn't been synced yet, so the console doesn't know which keys were rate limited."
        needs = "" if workspace.has_session else " Syncing it requires a management session."
        settings_page = link(workspace, "Open settings", "workspaces:settings") if needs else ()
        return CheckResult("skipped", text + needs, links=settings_page, snippet=RECIPE)
    now = clock.cached_now()
    log = LoggedRequest.objects.of(workspace).by_customer().by_hour()
    refused = log.filter(status_code=429).between(now - LOOK_BACK, None)
    counts = list(refused.values("key").annotate(n=Count("pk"), last=Max("created_at")).order_by("-n")[:MOST_KEYS])
    if not counts:
        return CheckResult(
            "ok", "No key was rate limited (429) in the last 24 hours, based on the synced log.", snippet=RECIPE
        )
    total, last = sum(row["n"] for row in counts), max(row["last"] for row in counts)
    refusals = f"{counted(total, 'request was', 'requests were')} rate limited (429) in the last 24 hours"
    names = ApiKey.objects.in_bulk([row["key"] for row in counts])
    mark_namesakes(names.values())
    facts = [(names[row["key"]].label, _times(row["n"], row["last"])) for row in counts]
    return CheckResult(
        "failed" if last >= now - LATELY else "warning",
        f"{refusals}, the latest on {format_time(last, seconds=True)}.",
        title=refusals,
        fix="Wait as long as Retry-After says, and increase the delay for each further attempt, with random jitter. "
        "Spread calls over the minute. If normal use needs more, ask Cleanlist for a plan with a higher limit.",
        facts=(*facts, *_busiest(workspace, last)),
        links=link(workspace, "View in the request log", "keys:log", query="?status=429"),
        snippet=RECIPE,
    )


def _busiest(workspace: Workspace, at: datetime) -> tuple[tuple[str, str], ...]:
    """Return how many requests the minute before the latest refusal held, of its key and to its endpoint."""
    log = LoggedRequest.objects.of(workspace)
    last = log.filter(status_code=429).by_hour().between(at, at).first()
    if last is None:
        return ()
    minute = log.filter(created_at__gt=at - MINUTE, created_at__lte=at)
    of_key, of_endpoint = minute.filter(key=last.key_id).count(), minute.filter(path=last.path).count()
    return (
        ("That key, in the minute before", f"{of_key} requests; the limit is {PER_KEY}"),
        (
            f"{endpoint_of(last.path)}, all keys",
            f"{of_endpoint} requests; the limit is {settings.RATE_LIMIT_PER_MINUTE}",
        ),
    )


def _times(count: int, last: datetime) -> str:
    return f"{'once' if count == 1 else f'{count:,} times'}, last on {format_time(last, seconds=True)}"


def balance(workspace: Workspace, case: Case) -> CheckResult:
    """Read the balance now and compare it with what the request costs at most."""
    if case.topic in {"shape", BODY} and case.cost is None:
        return CheckResult("skipped", "Paste the request body to compare its cost with the balance.")
    try:
        left = call_upstream(workspace, "credits/balance", lambda client: client.credits.balance()).credits
    except FAILURES as error:
        return result_of_error(error, workspace)
    links = link(workspace, "View usage and runway", "usage:overview")
    facts = [("Balance", counted(left, "credit"))]
    cost = case.cost
    if cost is not None:
        price = MOST_FOR_CONTACT[case.type]
        most = f"{counted(case.contacts or 0, 'contact')} at {price}: {counted(cost, 'credit')}"
        facts.append(("Maximum cost of the request", most))
    if cost is not None and left < cost:
        return _short(case, left, tuple(facts), links)
    if left <= 0:
        return CheckResult(
            "failed",
            "No credits left.",
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
            "Credits are available now. If the request was rejected, it may cost more than the balance: enter the "
            "number of contacts and the type to calculate its cost."
        )
    return "Credits are available."


def _short(case: Case, left: Decimal, facts: tuple[tuple[str, str], ...], links: tuple[PageLink, ...]) -> CheckResult:
    missing = Decimal(case.cost or 0) - left
    shortage = counted(missing, "credit is missing", "credits are missing")
    said = " Cleanlist would return 402." if case.topic == BODY else ""
    return CheckResult(
        "failed",
        f"{shortage} for this request.{said}",
        title=f"{shortage} for this request",
        fix=f"{TOP_UP} Or send fewer contacts or use a cheaper type. {SAFE}",
        facts=(*facts, ("Missing", counted(missing, "credit"))),
        links=links,
    )
