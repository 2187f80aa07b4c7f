"""Exports the audit trail as CSV or JSON lines."""

from core import clock
from core.export import ExportFile, export_file, in_batches, in_file_name
from workspaces.audit.events import Actor, record_event
from workspaces.models import Action, Workspace
from workspaces.models.audit import AuditEventQuerySet

COLUMNS = (
    "id",
    "at",
    "workspace_id",
    "workspace_name",
    "actor_id",
    "actor_email",
    "ip_address",
    "action",
    "subject_id",
    "subject",
    "outcome",
    "message",
    "details",
    "user_agent",
    "request_id",
    "previous_hash",
    "hash",
)


def export_trail(
    workspace: Workspace | None, actor: Actor, events: AuditEventQuerySet, filters: dict[str, str], file_format: str
) -> ExportFile:
    """Return ``events``, newest first, with their hashes; record that they were exported, which is not in the file."""
    newest = events.values_list("pk", flat=True).first() or 0
    found = events.filter(pk__lte=newest)
    record_event(
        Action.AUDIT_EXPORTED,
        actor,
        workspace=workspace,
        subject=("", file_format),
        events=found.count(),
        filters=filters,
    )
    rows = in_batches(lambda last: (found.filter(pk__lt=last[0]) if last else found).values_list(*COLUMNS))
    stem = f"audit-{workspace.slug if workspace else 'all'}-{in_file_name(clock.cached_now())}"
    return export_file(stem, file_format, COLUMNS, rows)
