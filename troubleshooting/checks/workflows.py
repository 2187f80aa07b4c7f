"""Checks of one workflow: what its enrichment brought, and how its webhook fared."""

from collections.abc import Mapping
from dataclasses import replace

from cleanlist import EnrichmentStatus
from cleanlist.errors import NotFound
from core.formatting import counted, format_time
from core.sanitize import sanitize_text
from troubleshooting.cases import Case
from troubleshooting.check_result import CheckResult, PageLink, link, result_of_error
from troubleshooting.live_calls import FAILURES, call_upstream
from troubleshooting.topics import WORKFLOW
from usage.changes.enrichments import enrichment_credits
from webhooks import tracked_workflows
from webhooks.ingest import lead_lists
from webhooks.ingest.enrichment_status import counts_of, is_finished
from webhooks.models import Delivery, DeliveryState, Workflow, kind_of
from webhooks.models.workflow import AGENT
from webhooks.presenters.deliveries import curl_for
from webhooks.reasons import advice_on, all_reasons, reason_named
from workspaces.models import Workspace

NO_ID = "Enter the workflow ID to look it up. It's in the response to the request that started the enrichment."
FREE = "Empty results are free, so retrying costs nothing."
UNKNOWN_WORKFLOW = "Workflow not found in Cleanlist"
UNREPORTED = "not reported"
UNKNOWN_YET = "Unknown until it's finished"
MOST_ATTEMPTS = 5


def enrichment(workspace: Workspace, case: Case) -> CheckResult:
    """Ask how the enrichment ended and explain what it did not find; contact data is counted, not kept or shown."""
    if not case.workflow:
        return CheckResult("skipped", NO_ID)
    if kind_of(case.workflow) is AGENT:
        return _agent_run(workspace, case)
    row = Workflow.objects.of(workspace).filter(workflow_id=case.workflow).first()
    try:
        status = call_upstream(
            workspace, "enrich/status", lambda client: tracked_workflows.read_status(client, case.workflow)
        )
    except NotFound as error:
        return _unknown(error, case, row)
    except FAILURES as error:
        result = result_of_error(error, workspace)
        return replace(result, facts=(*result.facts, *_last_known(row)))
    result = result_of_status(status, row, case.type)
    result = replace(result, facts=(("Kind", _kind(case.workflow)), *_landed(workspace, status), *result.facts))
    # Without a claimed symptom, contacts without data are no finding as long as others have some.
    return replace(result, state="ok") if case.topic == WORKFLOW and result.state == "warning" else result


def _kind(workflow_id: str) -> str:
    kind = kind_of(workflow_id)
    return kind.label if kind else "unknown: the ID has no known form"


def _landed(workspace: Workspace, status: EnrichmentStatus) -> tuple[tuple[str, str], ...]:
    """Return the list where the results land, with its real name where Cleanlist tells it."""
    list_id = sanitize_text(str(status.lead_list_id or ""), 200)
    return (("Lead list", str(lead_lists.ask_name(workspace, list_id)) if list_id else UNREPORTED),)


def _agent_run(workspace: Workspace, case: Case) -> CheckResult:
    """Ask how far a run of a smart agent is; it is charged row by row, and its values stay in Cleanlist."""
    try:
        run = call_upstream(workspace, "smart-agents", lambda client: client.smart_agents.get(case.workflow))
    except NotFound as error:
        return _unknown(error, case, None)
    except FAILURES as error:
        return result_of_error(error, workspace)
    word, failed = sanitize_text(run.status, 40), run.failed or 0
    done = None if run.succeeded is None else run.succeeded + failed
    facts = (
        ("Kind", _kind(case.workflow)),
        ("Status", word),
        ("Rows", _reported(run.total)),
        ("Done", _reported(done)),
        ("Failed", _reported(run.failed)),
        ("Cost", "Unknown: Cleanlist charges row by row, nothing for failed rows, and doesn't report the sum"),
    )
    if word.lower().startswith("fail"):
        title = "The smart agent failed"
        fix = "The run's results say why for each row. Failed rows are free."
        return CheckResult("failed", f"{title}.", title=title, fix=fix, facts=facts, headline=title)
    if word.lower().startswith(("pending", "processing")):
        fix = "While rows get done, wait. If none does for minutes, contact support with the run's ID."
        return CheckResult("ok", f"The smart agent is {word}. {fix}", facts=facts, headline=f"Smart agent {word}")
    if failed:
        title = f"{failed:,} of {_reported(run.total)} rows failed"
        fix = "The run's results say why for each row. Failed rows are free."
        return CheckResult("warning", f"{title}.", title=title, fix=fix, facts=facts, headline=title)
    return CheckResult("ok", f"The smart agent is {word}.", facts=facts, headline=f"Smart agent {word}")


def _unknown(error: NotFound, case: Case, row: Workflow | None) -> CheckResult:
    return CheckResult(
        "failed",
        f"Cleanlist has no workflow {case.workflow}.",
        title=UNKNOWN_WORKFLOW,
        fix="Compare the ID with the response that started the enrichment. It may also belong to another organization.",
        facts=(*((("Cleanlist said", error.said),) if error.said else ()), *_last_known(row)),
    )


def _last_known(row: Workflow | None) -> tuple[tuple[str, str], ...]:
    """Return what the console was told earlier about a workflow that it can't ask about now."""
    if row is None or not row.status:
        return ()
    at = f", {format_time(row.completed_at, seconds=True)}" if row.completed_at else ""
    return (("Last known status", f"{row.status}{at}"), ("Cost", _cost(row, is_over=row.completed_at is not None)[0]))


def result_of_status(status: EnrichmentStatus, row: Workflow | None, kind: str = "") -> CheckResult:
    """Return what is to be said of an enrichment, of which the console may know something from earlier on."""
    counts, is_over = counts_of(status), is_finished(status)
    known = Workflow(summary=counts, credits_reserved=status.reserved, credits_charged=status.charged)
    if row is not None:
        known.credits_reserved = row.credits_reserved if status.reserved is None else status.reserved
        known.credits_charged = row.credits_charged if status.charged is None else status.charged
    known.enrichment_type = kind or status.enrichment_type or (row.enrichment_type if row else "")
    cost, in_short = _cost(known, is_over=is_over)
    begun = (("Submitted", format_time(status.begun_at, seconds=True)),) if status.begun_at else ()
    facts = (("Status", _state(status)), *begun, ("Type", known.enrichment_type or UNREPORTED), ("Cost", cost))
    if not is_over:
        running = f"Still running ({_progress(status)})"
        text = f"{running}. The webhook and results follow when it's done."
        return CheckResult("ok", text, facts=facts, headline=running)
    result = _failed(status) or _explained(status, counts, known.enrichment_type)
    headline = " · ".join(filter(None, (result.headline, in_short)))
    return replace(result, facts=(*facts, *result.facts), headline=headline)


def _state(status: EnrichmentStatus) -> str:
    word = sanitize_text(status.status, 40)
    return f"{word}, {format_time(status.finished_at, seconds=True)}" if status.finished_at else word


def _cost(row: Workflow, *, is_over: bool) -> tuple[str, str]:
    """Return what an enrichment cost, and the same in short where it is known."""
    credits_ = enrichment_credits(row)
    if not is_over:
        reserved = credits_.reserved
        return (f"At most {counted(reserved, 'credit')}, reserved while it runs" if reserved else UNKNOWN_YET), ""
    if row.credits_charged is not None:
        cost = counted(row.credits_charged, "credit")
        return cost, cost
    if credits_.charged is None:
        return "Unknown: Cleanlist reports neither the cost nor what was found", ""
    cost = counted(credits_.charged, "credit")
    return f"{cost} by the price list for what was found; Cleanlist doesn't report the cost", cost


def _progress(status: EnrichmentStatus) -> str:
    return f"{status.progress:.0f}% done" if isinstance(status.progress, int | float) else status.status


def _failed(status: EnrichmentStatus) -> CheckResult | None:
    if not status.status.strip().lower().startswith(("fail", "error", "cancel", "expired")):
        return None
    words = f"Cleanlist ended the enrichment as “{sanitize_text(status.status, 40)}”"
    fix = "Start it again: contacts without results are free. If it ends like this again, send Cleanlist the support "
    return CheckResult("failed", f"{words}.", title=words, fix=f"{fix}bundle below.", headline="Enrichment failed")


def _explained(status: EnrichmentStatus, counts: Mapping[str, int], kind: str) -> CheckResult:
    emails, phones = counts.get("emails_found"), counts.get("phones_found")
    results = status.results or ((status.result,) if status.result else ())
    risky, total = _risky(results), counts.get("total")
    found = "" if emails is None else f"{emails:,}, of them {risky:,} risky" if risky else f"{emails:,}"
    facts = (
        ("Contacts", _reported(total)),
        ("Email addresses", found or UNREPORTED),
        ("Phone numbers", _reported(phones)),
        ("Failed", _reported(counts.get("failed"))),
    )
    if total is None or (not results and emails is None and phones is None):
        text = "Finished. Cleanlist doesn't report for how many contacts data was found."
        return CheckResult("ok", text, facts=facts, headline="Finished")
    empty = _empty(results, total, emails or 0, phones or 0)
    headline = f"{total - empty:,} of {counted(total, 'contact')} found"
    if not empty and not counts.get("failed"):
        text = f"Finished. Data found for {counted(total, 'contact')}."
        return CheckResult("ok", f"{text} {_on_risky(risky)}".strip(), facts=facts, headline=headline)
    nothing = f"No provider found verified data for {empty:,} of {total:,} contacts."
    return CheckResult(
        "failed" if empty == total else "warning",
        f"Finished. {nothing} {_on_risky(risky)} {FREE}".replace("  ", " "),
        title=f"Nothing was found for {empty:,} of {total:,} contacts",
        fix=_next(kind),
        facts=facts,
        headline=headline,
    )


def _reported(count: int | None) -> str:
    return UNREPORTED if count is None else f"{count:,}"


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
    # The newer surface's status of a person has other names than a webhook.
    found = ("primary_email", "personal_phone_numbers", "email", "phone")
    return sum(not any(map(one.get, found)) for one in results)


def deliveries(workspace: Workspace, case: Case) -> CheckResult:
    """Read the delivery attempts of the workflow now, and say why they failed."""
    if not case.workflow:
        return _without_workflow(workspace)
    if kind_of(case.workflow) is AGENT:
        return _never_sent(Workflow(workspace=workspace, workflow_id=case.workflow), case)
    try:
        workflow, answer = tracked_workflows.look_up(workspace, case.workflow)
    except ValueError as error:
        return CheckResult("failed", str(error), title="Invalid workflow ID")
    if answer.errors and not workflow.deliveries.exists():
        return result_of_error(answer.errors[0], workspace)
    return _explained_deliveries(workspace, workflow, case)


def stored_deliveries(workspace: Workspace, case: Case) -> CheckResult | None:
    """Return what ``deliveries`` found last, without a call; None if the workflow is unknown here."""
    workflow = Workflow.objects.of(workspace).filter(workflow_id=case.workflow).first()
    return _explained_deliveries(workspace, workflow, case) if workflow else None


def _explained_deliveries(workspace: Workspace, workflow: Workflow, case: Case) -> CheckResult:
    rows = list(workflow.deliveries.newest_first())
    if not rows and workflow.kind is not None and not workflow.kind.sends_webhook:
        return replace(_never_sent(workflow, case), links=_page(workspace, workflow))
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


def _never_sent(workflow: Workflow, case: Case) -> CheckResult:
    """Return that workflows of this kind have no webhook: the cause for who misses one, else only a fact."""
    why = workflow.kind.why_no_webhook if workflow.kind else ""
    return CheckResult(
        "ok" if case.topic == WORKFLOW else "warning",
        f"Cleanlist sends no webhook for this. {why}",
        title="Cleanlist sends no webhook for this kind of workflow",
        headline="" if case.topic == WORKFLOW else "No webhook sent",
        fix="" if case.topic == WORKFLOW else "Poll its status. Only enrich/bulk takes a webhook_url.",
        snippet=curl_for(workflow),
    )


def _no_attempt(workspace: Workspace, workflow: Workflow) -> CheckResult:
    if workflow.status and workflow.completed_at is None and not workflow.status_gone:
        return CheckResult("ok", "The enrichment is still running. Cleanlist sends the webhook when it's done.")
    if not workflow.status and workflow.status_error:
        return CheckResult("skipped", "Cleanlist doesn't know this workflow, so there is nothing to deliver.")
    if not workflow.status:
        return CheckResult("unknown", "Cleanlist has no delivery attempt for this workflow, and its status is unknown.")
    return CheckResult(
        "warning",
        "Cleanlist has no delivery attempt for this workflow. It was probably submitted without a webhook_url.",
        title="No webhook was sent for this workflow",
        headline="No webhook sent",
        fix="Send webhook_url with the enrichment. This workflow's result is still available.",
        links=_page(workspace, workflow),
        snippet=curl_for(workflow),
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
        snippet=curl_for(workflow),
        headline=f"Webhook not delivered{' yet' if more else ''}: {reason.label}",
    )


def _attempt(status: str, code: int | None, error: str) -> str:
    parts = (("status", status), ("response_status_code", code), ("error_message", error[:200]))
    return ", ".join(f"{name} {value}" for name, value in parts if value)


def _page(workspace: Workspace, workflow: Workflow) -> tuple[PageLink, ...]:
    return link(workspace, "View workflow", "webhooks:workflow", workflow.workflow_id)
