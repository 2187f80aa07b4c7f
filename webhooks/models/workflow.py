import re
from dataclasses import dataclass

from django.db import models
from django.db.models import Q

from core import clock
from workspaces.models import Workspace

# Upstream's ids of bulk enrichments begin so.
BULK_ID_PREFIX = "public_bulk_"
# What follows the prefix: a UUID, or a shorter hexadecimal code.
_CODE = re.compile(r"[0-9a-f]{4,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class WorkflowKind:
    """What started a workflow, as its ID tells it: its name, and the endpoints that begin such IDs."""

    label: str
    prefix: str
    endpoints: tuple[str, ...]
    sends_webhook: bool = False

    @property
    def why_no_webhook(self) -> str:
        """Return why Cleanlist sends none, and what to do instead; empty if it sends one."""
        if self.sends_webhook:
            return ""
        poll = "smart-agents/{id}" if self is AGENT else "enrichment/status/{id}"
        started = " or ".join(self.endpoints)
        return f"Its ID is that of {started}. Cleanlist sends webhooks for enrich/bulk only: poll {poll} instead."


PERSON = WorkflowKind("Person enrichment", "enrich-", ("enrichment/person",))
# Nothing in the ID, or in the status, tells these three apart.
LIST = WorkflowKind(
    "List, task or CSV enrichment", "bulk-enrich-", ("enrichment/bulk", "enrichment/by-task", "csv-import")
)
AGENT = WorkflowKind("Smart agent", "run_", ("smart-agents/run",))
KINDS = (WorkflowKind("Bulk enrichment", BULK_ID_PREFIX, ("enrich/bulk",), sends_webhook=True), PERSON, LIST, AGENT)


def kind_of(workflow_id: str) -> WorkflowKind | None:
    """Return the kind of the workflow with this ID; None for an ID of another form, whose kind is unknown."""
    return next((kind for kind in KINDS if workflow_id.startswith(kind.prefix)), None)


def has_known_form(workflow_id: str) -> bool:
    """Return whether the text is all of a known kind's prefix and a generated code, and so no secret."""
    kind = kind_of(workflow_id)
    return kind is not None and _CODE.fullmatch(workflow_id.removeprefix(kind.prefix)) is not None


class WorkflowSource(models.TextChoices):
    """How the console came to know of a workflow."""

    DELIVERIES = "deliveries", "Found in delivery attempts"
    REQUEST_LOG = "request_log", "Found in the request log"
    LOOKED_UP = "looked_up", "Looked up manually"


class WorkflowQuerySet(models.QuerySet["Workflow"]):
    """Queries on workflows."""

    def of(self, workspace: Workspace) -> "WorkflowQuerySet":
        """Keep those of ``workspace``."""
        return self.filter(workspace=workspace)

    def unfinished(self) -> "WorkflowQuerySet":
        """Keep those that were still running, or not yet asked about, when last read."""
        return self.filter(Q(completed_at__isnull=True), status_gone=False)

    def without_attempt(self) -> "WorkflowQuerySet":
        """Keep those that are finished without any known attempt."""
        return self.filter(completed_at__isnull=False, deliveries__isnull=True)

    def not_from_deliveries(self) -> "WorkflowQuerySet":
        """Keep those found otherwise than by an attempt, the last finished first; few, with an index of their own."""
        return self.filter(~Q(source=WorkflowSource.DELIVERIES)).order_by("-completed_at", "-pk")


class Workflow(models.Model):
    """One enrichment that the console knows, with the last response of ``enrich/status``.

    Results are not kept: they are people's contact data, and upstream still has them.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="workflows")
    workflow_id = models.CharField(max_length=200)
    source = models.CharField(max_length=20, choices=WorkflowSource)
    first_seen_at = models.DateTimeField()
    # From enrich/status; empty until that was called.
    status = models.CharField(max_length=40, blank=True)
    summary = models.JSONField(default=dict, blank=True)  # total, successful, failed, emails_found, phones_found
    # By the status; where upstream gives no time, when it was first seen finished.
    completed_at = models.DateTimeField(null=True)
    # What it may cost at most was taken at the beginning, and what it did cost is known at the end.
    enrichment_type = models.CharField(max_length=40, blank=True)
    # Where its results land; empty until upstream has said it. The database has a default too, for workers still
    # running the previous version.
    lead_list_id = models.CharField(max_length=200, blank=True, db_default="")
    submitted_at = models.DateTimeField(null=True)
    credits_reserved = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    credits_charged = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    status_read_at = models.DateTimeField(null=True)
    status_error = models.TextField(blank=True)
    # Upstream no longer knows it (404): it is not asked for again.
    status_gone = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(WorkflowQuerySet)()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "workflow_id"], name="one_row_a_workflow")]
        indexes = [
            # PostgreSQL compares beginnings by this one only, whatever the collation.
            models.Index(
                fields=["workspace", "workflow_id"],
                opclasses=["int8_ops", "varchar_pattern_ops"],
                name="workflows_by_beginning",
            ),
            models.Index(
                fields=["workspace", "-completed_at", "-id"],
                condition=~Q(source="deliveries"),
                name="workflows_learned_otherwise",
            ),
            models.Index(fields=["workspace", "completed_at"], name="workflows_by_end"),
        ]

    def __str__(self) -> str:
        return self.workflow_id

    @property
    def kind(self) -> WorkflowKind | None:
        """Return what started it; None if its ID doesn't tell."""
        return kind_of(self.workflow_id)


class LeadList(models.Model):
    """The name of a lead list that a workflow's results land in; ``read_at`` is when upstream said it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    list_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "list_id"], name="one_row_a_list")]

    def __str__(self) -> str:
        return self.name


clock.register(Workflow, past=("first_seen_at", "status_read_at"))
clock.register(LeadList, past=("read_at",))
