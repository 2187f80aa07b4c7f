"""Stores the state and the counts of ``enrich/status``, never people's data."""

from collections.abc import Callable, Mapping
from datetime import datetime

from cleanlist import EnrichmentStatus
from core.sanitize import sanitize_text
from webhooks.models import Workflow

COUNTS = ("total", "successful", "failed", "emails_found", "phones_found")
RUNNING = frozenset({"processing", "pending", "queued", "running", "in_progress", "started", "submitted", "scheduled"})

# Called with each workflow whose status was recorded, inside the transaction that stores it.
_listeners: list[Callable[[Workflow], None]] = []


def on_status(listener: Callable[[Workflow], None]) -> None:
    """Call ``listener`` with each workflow whose status is recorded."""
    if listener not in _listeners:
        _listeners.append(listener)


def record_status(workflow: Workflow, status: EnrichmentStatus, read_at: datetime) -> bool:
    """Store the status of ``workflow`` unless a newer one is stored; return whether the enrichment is finished."""
    if workflow.status_read_at is not None and workflow.status_read_at > read_at:
        return workflow.completed_at is not None
    workflow.status, workflow.status_read_at = sanitize_text(status.status, 40), read_at
    workflow.summary = counts_of(status)
    _update_credits(workflow, status)
    workflow.status_error, workflow.status_gone = "", False
    if is_finished(status):
        workflow.completed_at = workflow.completed_at or status.finished_at or read_at
    _save(workflow)
    for listener in _listeners:
        listener(workflow)
    return workflow.completed_at is not None


def _update_credits(workflow: Workflow, status: EnrichmentStatus) -> None:
    """Keep earlier values that upstream does not repeat; a running enrichment has not been charged yet."""
    workflow.enrichment_type = sanitize_text(status.enrichment_type or "", 40) or workflow.enrichment_type
    list_id = sanitize_text(str(status.lead_list_id or ""), 200)
    workflow.lead_list_id = list_id or workflow.lead_list_id
    workflow.submitted_at = status.begun_at or workflow.submitted_at
    workflow.credits_reserved = workflow.credits_reserved if status.reserved is None else status.reserved
    if status.charged is not None and is_finished(status):
        workflow.credits_charged = status.charged


def record_refusal(workflow: Workflow, words: str, read_at: datetime, *, is_gone: bool) -> None:
    """Record that upstream gives no status, or no longer knows the workflow."""
    workflow.status_error, workflow.status_gone, workflow.status_read_at = words, is_gone, read_at
    _save(workflow)


def is_finished(status: EnrichmentStatus) -> bool:
    """Return whether the enrichment has ended, successfully or not. An unknown word counts only with an end time."""
    word = status.status.strip().lower().replace("-", "_").replace(" ", "_")
    ended = ("complete", "fail", "partial", "done", "finish", "success", "succe", "cancel", "error", "expired")
    return word not in RUNNING and (word.startswith(ended) or status.finished_at is not None)


def counts_of(status: EnrichmentStatus) -> dict[str, int]:
    """Return upstream's counts; if it gives none, count the results in the response."""
    summary = status.summary or {}
    # The newer surface counts the contacts beside the summary.
    summary = {"total": status.total, "successful": status.completed, "failed": status.failed, **summary}
    counts: dict[str, int] = {name: summary[name] for name in COUNTS if _is_count(summary.get(name))}
    if counts or status.results is None:
        return counts
    words = [str(one.get("status") or "").lower() for one in status.results]
    return {
        "total": len(words),
        "successful": sum(word.startswith(("complete", "succe")) for word in words),
        "failed": sum(word.startswith(("fail", "error")) for word in words),
        "emails_found": sum(_has(one, "primary_email") for one in status.results),
        "phones_found": sum(_has(one, "personal_phone_numbers") for one in status.results),
    }


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _has(result: Mapping[str, object], name: str) -> bool:
    return bool(result.get(name))


def _save(workflow: Workflow) -> None:
    names = ["enrichment_type", "lead_list_id", "submitted_at", "credits_reserved", "credits_charged"]
    names += ["status", "summary", "completed_at", "status_read_at", "status_error", "status_gone"]
    workflow.save(update_fields=names)
