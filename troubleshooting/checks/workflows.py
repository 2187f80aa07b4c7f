"""Checks of one workflow: what its enrichment brought, and how its webhook fared."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from cleanlist import EnrichmentStatus
from cleanlist.errors import NotFound
from core.formatting import counted, format_time
from core.net.curl import curl_command
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, PageLink, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream
from troubleshooting.topics import WORKFLOW
from webhooks import tracked_workflows
from webhooks.ingest.enrichment_status import counts_of, is_finished
from webhooks.models import Delivery, DeliveryState, Workflow
from webhooks.reasons import advice_on, all_reasons, reason_named
from workspaces.models import Workspace

NO_ID = "Enter the workflow id to look it up. It's in the response to the request that started the enrichment."
FREE = "Empty results are free, so retrying costs nothing."
UNKNOWN_WORKFLOW = "Workflow not found in Cleanlist"
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
        running = f"Still running ({_progress(status)})"
        return CheckResult("ok", f"{running}. The webhook and results follow when it's done.", headline=running)
    result = _explained(status, case.type or status.enrichment_type or "")
    # Without a claimed symptom, contacts without data are no finding as long as others have some.
    return replace(result, state="ok") if case.topic == WORKFLOW and result.state == "warning" else result


def _unknown(error: NotFound, case: Case) -> CheckResult:
    return CheckResult(
        "failed",
        f"Cleanlist has no workflow {case.workflow}.",
        title=UNKNOWN_WORKFLOW,
        fix="Compare the id with the response that started the enrichment. It may also belong to another organization.",
        facts=(("Cleanlist said", error.message),),
    )


def _progress(status: EnrichmentStatus) -> str:
    return f"{status.progress:.0f}% done" if isinstance(status.progress, int | float) else status.status


def _explained(status: EnrichmentStatus, kind: str) -> CheckResult:
    counts = counts_of(status)
    total, emails, phones = (counts.get(name, 0) for name in ("total", "emails_found", "phones_found"))
    failed, risky = counts.get("failed", 0), _risky(status.results or ())
    facts = (
        ("Type", kind or "not reported"),
        ("Contacts", f"{total:,}"),
        ("Email addresses", f"{emails:,}, of them {risky:,} risky" if risky else f"{emails:,}"),
        ("Phone numbers", f"{phones:,}"),
        ("Failed", f"{failed:,}"),
    )
    empty = _empty(status.results or (), total, emails, phones)
    headline = f"{total - empty:,} of {counted(total, 'contact')} found"
    if not empty and not failed:
        text = f"Finished. Data found for {counted(total, 'contact')}."
        return CheckResult("ok", f"{text} {_on_risky(risky)}".strip(), facts=facts, headline=headline)
    found = f"No provider found verified data for {empty:,} of {total:,} contacts."
    return CheckResult(
        "failed" if empty == total else "warning",
        f"Finished. {found} {_on_risky(risky)} {FREE}".replace("  ", " "),
        title=f"Nothing was found for {empty:,} of {total:,} contacts",
        fix=_next(kind),
        facts=facts,
        headline=headline,
    )


def _next(kind: str) -> str:
    """Return what to try after an enrichment that found nothing."""
    other = "Try another identifier: name and company instead of the LinkedIn URL, or vice versa."
    hints = {
        "partial": "You used partial, which looks for email only. Try full, which also looks for phone numbers.",
        "phone_only": "You used phone_only, which doesn't look for email. Try full.",
        "none": "You used none, which looks for nothing. Try partial or full.",
    }
    checks = "Check that the domain is the contact's employer and that the LinkedIn URL opens a profile."
    return " ".join(filter(None, (hints.get(kind, ""), other, checks)))


def _on_risky(risky: int) -> str:
    if not risky:
        return ""
    which = counted(risky, "address is", "addresses are")
    return f"{which} “risky”: risky addresses often work but aren't confirmed as “reliable”."


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
        return CheckResult("failed", str(error), title="Invalid workflow id")
    if answer.errors and not workflow.deliveries.exists():
        return result_of_error(answer.errors[0], workspace)
    return _explained_deliveries(workspace, workflow)


def stored_deliveries(workspace: Workspace, case: Case) -> CheckResult | None:
    """Return what ``deliveries`` found last, without a call; None if the workflow is unknown here."""
    workflow = Workflow.objects.of(workspace).filter(workflow_id=case.workflow).first()
    return _explained_deliveries(workspace, workflow) if workflow else None


def _explained_deliveries(workspace: Workspace, workflow: Workflow) -> CheckResult:
    rows = list(workflow.deliveries.newest_first())
    if not rows:
        return _no_attempt(workspace, workflow)
    worst = next((row for row in rows if row.state != DeliveryState.DELIVERED), rows[0])
    return _diagnosis(workspace, workflow, worst)


def _without_workflow(workspace: Workspace) -> CheckResult:
    failed = Delivery.objects.of(workspace).filter(state=DeliveryState.FAILED).newest_first().first()
    if failed is None:
        return CheckResult("skipped", NO_ID, links=link(workspace, "View webhooks", "webhooks:list"))
    reason = reason_named(failed.reason)
    last = f"The latest failed delivery went to {failed.host or 'an unknown host'}"
    return CheckResult(
        "warning",
        f"{last}: {reason.label if reason else 'unknown reason'}. {NO_ID}",
        title=f"{last}: {reason.label if reason else 'unknown reason'}",
        fix=reason.fix if reason else "",
        links=link(workspace, "View webhooks", "webhooks:list"),
    )


def _no_attempt(workspace: Workspace, workflow: Workflow) -> CheckResult:
    if workflow.status and workflow.completed_at is None and not workflow.status_gone:
        return CheckResult("ok", "The enrichment is still running. Cleanlist sends the webhook when it's done.")
    return CheckResult(
        "warning",
        "Cleanlist has no delivery attempt for this workflow. It was probably submitted without a webhook_url.",
        title="No webhook was sent for this workflow",
        headline="No webhook sent",
        fix="Send webhook_url with the enrichment. This workflow's result is still available.",
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
        text = "Delivered: your endpoint acknowledged it. Look for it in your server log at that time."
        at = format_time(row.delivered_at) if row.delivered_at else ""
        when = (("Acknowledged", format_time(row.delivered_at, seconds=True)),) if row.delivered_at else ()
        headline = f"Webhook delivered {at}".strip()
        return CheckResult("ok", text, facts=(*when, *facts), links=_page(workspace, workflow), headline=headline)
    reason = reason_named(row.reason) or all_reasons()[-1]
    more = " Cleanlist will retry automatically." if row.state == DeliveryState.RETRYING else ""
    newest = next(iter(attempts), None)
    advice = advice_on(reason.name, newest.status_code if newest else None)
    again = "This workflow's result is still available: fetch or redeliver it."
    return CheckResult(
        "failed",
        f"{counted(row.attempts, 'attempt')}, none acknowledged. {reason.meaning}{more}",
        title=reason.label,
        fix=f"{advice} {again}",
        facts=facts,
        links=_page(workspace, workflow),
        snippet=_read_result(workspace, workflow),
        headline=f"Webhook not delivered{' yet' if more else ''}: {reason.label}",
    )


def _attempt(status: str, code: int | None, error: str) -> str:
    parts = (("status", status), ("response_status_code", code), ("error_message", error[:200]))
    return ", ".join(f"{name} {value}" for name, value in parts if value)


def _page(workspace: Workspace, workflow: Workflow) -> tuple[PageLink, ...]:
    return link(workspace, "View workflow", "webhooks:workflow", workflow.workflow_id)


def _read_result(workspace: Workspace, workflow: Workflow) -> str:
    address = f"{workspace.base_url.rstrip('/')}/api/v1/public/enrich/status?workflow_id="
    return curl_command(f"{address}{quote(workflow.workflow_id, safe='')}")
