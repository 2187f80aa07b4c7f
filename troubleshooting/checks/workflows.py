"""Checks of one workflow: what its enrichment brought, and how its webhook fared."""

from collections.abc import Mapping
from urllib.parse import quote

from cleanlist import EnrichmentStatus
from cleanlist.errors import NotFound
from core.formatting import counted
from core.net.curl import curl_command
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, PageLink, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream
from webhooks import tracked_workflows
from webhooks.ingest.enrichment_status import counts_of, is_finished
from webhooks.models import Delivery, DeliveryState, Workflow
from webhooks.reasons import all_reasons, reason_named
from workspaces.models import Workspace

NO_ID = "Give the workflow id to have it looked up. It is in the answer to the request that started the enrichment."
FREE = "Empty results cost nothing, so trying again is free."
MOST_ATTEMPTS = 5


def enrichment(workspace: Workspace, case: Case) -> CheckResult:
    """Ask how the enrichment ended and explain what it did not find; contact data is counted, not kept or shown."""
    if not case.workflow:
        return CheckResult("skipped", NO_ID)
    try:
        status = call_upstream(
            workspace, "enrich/status", lambda client: client.enrich.status(workflow_id=case.workflow)
        )
    except NotFound as error:
        return _unknown(error, case)
    except FAILURES as error:
        return result_of_error(error, workspace)
    if not is_finished(status):
        return CheckResult(
            "ok", f"It is still running ({_progress(status)}). The webhook and the results follow when it is done."
        )
    return _explained(status, case.type or status.enrichment_type or "")


def _unknown(error: NotFound, case: Case) -> CheckResult:
    return CheckResult(
        "failed",
        f"Cleanlist does not know the workflow {case.workflow}.",
        title="Cleanlist does not know this workflow",
        fix="Compare the id with the answer that started the enrichment. It may also be another organization's.",
        facts=(("Cleanlist said", error.message),),
    )


def _progress(status: EnrichmentStatus) -> str:
    return f"{status.progress:.0f} % done" if isinstance(status.progress, int | float) else status.status


def _explained(status: EnrichmentStatus, kind: str) -> CheckResult:
    counts = counts_of(status)
    total, emails, phones = (counts.get(name, 0) for name in ("total", "emails_found", "phones_found"))
    failed, risky = counts.get("failed", 0), _risky(status.results or ())
    facts = (
        ("Type", kind or "not told"),
        ("Contacts", f"{total:,}"),
        ("E-mail addresses", f"{emails:,}, of them {risky:,} risky" if risky else f"{emails:,}"),
        ("Phone numbers", f"{phones:,}"),
        ("Failed", f"{failed:,}"),
    )
    empty = _empty(status.results or (), total, emails, phones)
    if not empty and not failed:
        text = f"It is done and found something for each of {total:,} contacts."
        return CheckResult("ok", f"{text} {_on_risky(risky)}".strip(), facts=facts)
    found = f"No provider found verified data for {empty:,} of {total:,} contacts."
    return CheckResult(
        "failed" if empty == total else "warning",
        f"It is done. {found} {_on_risky(risky)} {FREE}".replace("  ", " "),
        title=f"The enrichment ran, and nothing was found for {empty:,} of {total:,} contacts",
        fix=_next(kind),
        facts=facts,
    )


def _next(kind: str) -> str:
    """Return what to try after an enrichment that found nothing."""
    other = "Try another identifier: name and company instead of the LinkedIn URL, or the other way round."
    hints = {
        "partial": "You used partial, which asks for e-mail only: try full, which asks phone providers too.",
        "phone_only": "You used phone_only, which looks for no e-mail: try full.",
        "none": "You used none, which looks for nothing: try partial or full.",
    }
    checks = "Check that the domain is the contact's employer and that the LinkedIn URL opens a profile."
    return " ".join(filter(None, (hints.get(kind, ""), other, checks)))


def _on_risky(risky: int) -> str:
    if not risky:
        return ""
    which = counted(risky, "address is", "addresses are")
    return f"{which} “risky”: often they work all the same, they are only not confirmed as “reliable”."


def _risky(results: tuple[Mapping[str, object], ...]) -> int:
    return sum(str(one.get("primary_email_status") or one.get("email_status")).lower() == "risky" for one in results)


def _empty(results: tuple[Mapping[str, object], ...], total: int, emails: int, phones: int) -> int:
    """Return for how many contacts nothing was found; by the sums alone where no results came along."""
    if not results:
        return max(0, total - max(emails, phones))
    return sum(not (one.get("primary_email") or one.get("personal_phone_numbers")) for one in results)


def deliveries(workspace: Workspace, case: Case) -> CheckResult:
    """Read the delivery attempts of the workflow now, and say why they failed."""
    if not case.workflow:
        return _without_workflow(workspace)
    try:
        workflow, answer = tracked_workflows.look_up(workspace, case.workflow)
    except ValueError as error:
        return CheckResult("failed", str(error), title="That is no workflow id")
    rows = list(workflow.deliveries.newest_first())
    if not rows:
        return result_of_error(answer.errors[0], workspace) if answer.errors else _no_attempt(workspace, workflow)
    worst = next((row for row in rows if row.state != DeliveryState.DELIVERED), rows[0])
    return _diagnosis(workspace, workflow, worst)


def _without_workflow(workspace: Workspace) -> CheckResult:
    failed = Delivery.objects.of(workspace).filter(state=DeliveryState.FAILED).newest_first().first()
    if failed is None:
        return CheckResult("skipped", NO_ID, links=link(workspace, "Look at the webhooks", "webhooks:list"))
    reason = reason_named(failed.reason)
    last = f"The latest delivery that failed went to {failed.host or 'an unknown host'}"
    return CheckResult(
        "warning",
        f"{last}: {reason.label if reason else 'no reason is known'}. {NO_ID}",
        title=f"{last}: {reason.label if reason else 'no reason is known'}",
        fix=reason.fix if reason else "",
        links=link(workspace, "Look at the webhooks", "webhooks:list"),
    )


def _no_attempt(workspace: Workspace, workflow: Workflow) -> CheckResult:
    if workflow.status and workflow.completed_at is None and not workflow.status_gone:
        return CheckResult("ok", "The enrichment is still running; its webhook is sent when it is done.")
    return CheckResult(
        "warning",
        "Cleanlist knows of no attempt to deliver this workflow: it was most likely submitted without a webhook_url.",
        title="No webhook was sent for this workflow",
        fix="Send webhook_url along with the enrichment. This workflow's result is there to be read all the same.",
        links=_page(workspace, workflow),
        snippet=_read_result(workspace, workflow),
    )


def _diagnosis(workspace: Workspace, workflow: Workflow, row: Delivery) -> CheckResult:
    attempts = row.attempt_rows.order_by("-at", "-pk")[:MOST_ATTEMPTS]
    facts = (
        ("Sent to", row.url or "—"),
        *((f"Attempt {one.number or '?'}", _attempt(one.status, one.status_code, one.error)) for one in attempts),
    )
    if row.state == DeliveryState.DELIVERED:
        text = "It was delivered: your endpoint acknowledged it. Look for it in your server's own log at that time."
        when = (("Acknowledged", f"{row.delivered_at:%-d %b %Y, %H:%M:%S} UTC"),) if row.delivered_at else ()
        return CheckResult("ok", text, facts=(*when, *facts), links=_page(workspace, workflow))
    reason = reason_named(row.reason) or all_reasons()[-1]
    more = " Further attempts follow by themselves." if row.state == DeliveryState.RETRYING else ""
    again = "Then submit the workflow again; this one's result is there to be read all the same."
    return CheckResult(
        "failed",
        f"{counted(row.attempts, 'attempt')}, none acknowledged. {reason.meaning} {reason.check}{more}",
        title=reason.label,
        fix=f"{reason.fix} {again}",
        facts=facts,
        links=_page(workspace, workflow),
        snippet=_read_result(workspace, workflow),
    )


def _attempt(status: str, code: int | None, error: str) -> str:
    parts = (("status", status), ("response_status_code", code), ("error_message", error[:200]))
    return ", ".join(f"{name} {value}" for name, value in parts if value)


def _page(workspace: Workspace, workflow: Workflow) -> tuple[PageLink, ...]:
    return link(workspace, "Open the workflow's page", "webhooks:workflow", workflow.workflow_id)


def _read_result(workspace: Workspace, workflow: Workflow) -> str:
    address = f"{workspace.base_url.rstrip('/')}/api/v1/public/enrich/status?workflow_id="
    return curl_command(f"{address}{quote(workflow.workflow_id, safe='')}")
