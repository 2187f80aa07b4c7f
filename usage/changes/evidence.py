"""Collects the mirror's evidence about a range of changes: paid calls, enrichments, refusals, usual burn."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean, pstdev

from django.db.models import F, Max, Sum

from cleanlist.pricing import MAX_CONTACTS
from core.db.rollups import hour_of
from keys.models import ApiKey, LogGap, LoggedRequest
from usage.changes.enrichments import MAX_PER_CONTACT, enrichment_credits
from usage.changes.interpretation import REFUSED_WITHIN, trusted_sizes
from usage.changes.reservations import EXPIRES_AFTER
from usage.changes.types import SKEW, ZERO, Certainty, Change, EnrichmentCredits, Evidence, Interpretation, PaidCall
from usage.models import UNCERTAIN, BalanceChange, BalanceHour, BalanceReading
from webhooks.models import Delivery, Workflow
from workspaces.models import Workspace
from workspaces.polling.registry import REQUEST_LOG

# The most that one call can reserve, by the end of its path; calls for whole lists can reserve any amount.
ANY = Decimal(10**9)
PAID = {
    "enrich/bulk": MAX_CONTACTS * MAX_PER_CONTACT,
    "enrichment/person": MAX_PER_CONTACT,
    "enrichment/company": Decimal(1),
    "enrichment/by-task": ANY,
    "enrichment/bulk": ANY,
    "csv-import": ANY,
    "smart-agents/run": ANY,
}
BULK, BULK_ID = "enrich/bulk", "public_bulk_"
# Limits of the work for one range.
MOST_KNOWN, MOST_CALLS, MOST_WORKS, MOST_REFUSALS, MOST_CARRIED, MOST_SIZES = 200, 20_000, 5000, 1000, 20, 20
USUAL = timedelta(days=7)
PEAK = timedelta(days=30)
# The average cost of a call is used from this many finished enrichments on.
ENOUGH = 5


def collect_evidence(workspace: Workspace, rows: Sequence[BalanceChange], asked: Sequence[bool]) -> Evidence:
    """Return all evidence about ``rows``, which are consecutive and oldest first, in at most a dozen queries.

    ``asked`` says for each row whether it is to be interpreted; the others' interpretations are known.
    """
    since, until = rows[0].since, rows[-1].until
    works = list(_ended_enrichments(workspace, since, until))
    calls = list(paid_calls(workspace, since - SKEW, until + SKEW))
    usual, peak = _usual_burn_and_peak(workspace, since)
    return Evidence(
        changes=[to_change(row, is_known=not is_asked) for row, is_asked in zip(rows, asked, strict=True)],
        calls=calls,
        works=works,
        refusals=_refusals(workspace, since - REFUSED_WITHIN, until),
        log=_complete_log_range(workspace, since, until, calls),
        carried=_largest_recent_falls(workspace, since),
        sizes=_nearby_top_up_sizes(workspace, rows[0].until, until),
        returned=_largest_returns(workspace, since),
        usual=usual,
        peak=peak,
        begins=_history_start(workspace, rows[0]),
    )


def to_change(row: BalanceChange, *, is_known: bool) -> Change:
    """Return ``row`` as plain data, with its interpretation if ``is_known``."""
    known = stored_interpretation(row) if is_known else None
    return Change(row.since, row.until, row.before, row.after, row.is_gap, row.mark, row.marked, known)


def stored_interpretation(row: BalanceChange) -> Interpretation:
    """Return the stored interpretation of ``row``."""
    amounts = (row.topped_up, row.top_up_low, row.top_up_high, row.corrected, row.returned)
    return Interpretation(*amounts, Certainty(row.certainty), tuple(row.why))


def paid_calls(workspace: Workspace, since: datetime, until: datetime) -> Iterable[PaidCall]:
    """Return the newest calls that may have cost something, oldest first."""
    log = LoggedRequest.objects.of(workspace).by_customer().filter(created_at__range=(since, until))
    rows = log.filter(method="POST", status_code__range=(200, 299)).order_by("-created_at")
    found = rows.values_list("created_at", "path", "key_id")[:MOST_CALLS]
    cost = _bulk_cost(workspace, until) if found else None
    for at, path, key in reversed(found):
        bare = path.partition("?")[0].rstrip("/")
        end = next((end for end in PAID if bare.endswith(f"/{end}")), None)
        if end:
            yield PaidCall(at, PAID[end], cost if end == BULK else None, key)


def _bulk_cost(workspace: Workspace, until: datetime) -> tuple[float, float] | None:
    """Return the recent average cost of a bulk enrichment, and its deviation; None if too few are known."""
    rows = Workflow.objects.of(workspace).filter(
        completed_at__range=(until - USUAL, until), workflow_id__startswith=BULK_ID
    )
    works = map(enrichment_credits, rows.order_by("-completed_at")[:MOST_KNOWN])
    known = [float(work.charged) for work in works if work.charged is not None]
    return (fmean(known), pstdev(known)) if len(known) >= ENOUGH else None


def _ended_enrichments(workspace: Workspace, since: datetime, until: datetime) -> Iterable[EnrichmentCredits]:
    """Return the enrichments that ended in the range, by their status or the arrival of their result."""
    ended = Workflow.objects.of(workspace).filter(completed_at__range=(since - SKEW, until + SKEW))
    for one in ended.order_by("completed_at")[:MOST_WORKS]:
        yield enrichment_credits(one)
    arrived = Delivery.objects.of(workspace).filter(
        last_attempt_at__gte=since - SKEW,
        first_attempt_at__range=(since - SKEW, until + SKEW),
        workflow__completed_at__isnull=True,
    )
    for at in arrived.order_by("-last_attempt_at").values_list("first_attempt_at", flat=True)[:MOST_WORKS]:
        yield EnrichmentCredits(None, at, None, None, MAX_CONTACTS * MAX_PER_CONTACT)


def _refusals(workspace: Workspace, since: datetime, until: datetime) -> list[datetime]:
    log = LoggedRequest.objects.of(workspace).by_customer().filter(status_code=402).by_hour().between(since, until)
    return list(log.newest_first().values_list("created_at", flat=True)[:MOST_REFUSALS])[::-1]


def log_read_until(workspace: Workspace) -> datetime | None:
    """Return until when the logs of all keys are known, in two queries; None if they are not read.

    If a key was not used since its log was read, nothing is missing up to the time that upstream last listed it.
    """
    polls = workspace.polls.filter(resource=REQUEST_LOG, paused_reason="", last_success_at__isnull=False)
    read = {subject: at for subject, at in polls.values_list("subject", "last_success_at") if at}
    used = ApiKey.objects.of(workspace).values_list("upstream_id", "last_used_at", "read_at") if read else ()
    for key, last_used_at, listed_at in used:
        until = read.get(key)
        if until and (last_used_at is None or last_used_at < until):
            read[key] = max(until, listed_at)
    return min(read.values(), default=None)


def _complete_log_range(
    workspace: Workspace, since: datetime, until: datetime, calls: Sequence[PaidCall]
) -> tuple[datetime, datetime] | None:
    """Return the range for which the log is complete; None if a gap overlaps it."""
    end = log_read_until(workspace)
    if end is None or LogGap.objects.in_workspace(workspace).between(since, until).exists():
        return None
    first = LoggedRequest.objects.of(workspace).order_by("created_at").values_list("created_at", flat=True).first()
    if first is None:
        return None
    return (max(first, calls[0].at) if len(calls) == MOST_CALLS else first), end


def _largest_recent_falls(workspace: Workspace, since: datetime) -> list[tuple[datetime, Decimal]]:
    """Return the largest falls of the day before."""
    rows = BalanceChange.objects.of(workspace).between(since - EXPIRES_AFTER, since).filter(after__lt=F("before"))
    largest = rows.annotate(fallen=F("before") - F("after")).order_by("-fallen")
    return list(largest.values_list("until", "fallen")[:MOST_CARRIED])


def _nearby_top_up_sizes(workspace: Workspace, since: datetime, until: datetime) -> list[tuple[datetime, Decimal]]:
    """Return the sizes of the nearest top-ups before and after."""
    rows = BalanceChange.objects.of(workspace).top_ups()
    columns = ("until", "topped_up", "certainty", "mark")
    earlier = rows.filter(until__lt=since).order_by("-until").values_list(*columns)[:MOST_SIZES]
    later = rows.filter(until__gt=until).values_list(*columns)[:MOST_SIZES]
    return trusted_sizes(
        (at, size, certainty == Certainty.UNCERTAIN and not mark) for at, size, certainty, mark in (*earlier, *later)
    )


def _largest_returns(workspace: Workspace, since: datetime) -> list[Decimal]:
    """Return the largest certain returns of the month before."""
    rows = BalanceChange.objects.of(workspace).between(since - PEAK, since).filter(returned__gt=0, topped_up=0)
    known = rows.exclude(UNCERTAIN).order_by("-returned")
    return list(known.values_list("returned", flat=True)[:MOST_SIZES])


def _usual_burn_and_peak(workspace: Workspace, since: datetime) -> tuple[float, Decimal]:
    """Return the burn of the week before in credits per second, and the peak of the month before.

    The hour in which the range begins is left out, because otherwise the changes would be evidence for themselves.
    """
    month = BalanceHour.objects.filter(workspace=workspace, hour__gte=since - PEAK, hour__lt=hour_of(since))
    found = month.filter(hour__gte=since - USUAL).aggregate(spent=Sum("spent"), seconds=Sum("covered_seconds"))
    peak = month.aggregate(peak=Max("highest"))["peak"] or ZERO
    seconds = found["seconds"] or 0.0
    return (max(0.0, float(found["spent"]) / seconds) if seconds >= 3600 else 0.0), peak


def _history_start(workspace: Workspace, first: BalanceChange) -> datetime | None:
    """Return when the history began, if ``first`` is its first change."""
    if BalanceChange.objects.of(workspace).filter(until__lt=first.until).exists():
        return None
    readings = BalanceReading.objects.of(workspace).order_by("first_read_at")
    return readings.values_list("first_read_at", flat=True).first()
