"""A client for the webhook pages of a workspace."""

from django.urls import reverse
from django.utils import timezone

from tests.webhooks.attempts import HOOK, run
from webhooks.ingest.attempts import ingest_page
from webhooks.models import Delivery


class WebhookPages:
    """Requests pages by their URL names, as one member."""

    def __init__(self, client, workspace):
        self.http, self.workspace = client, workspace

    def url(self, name="list", *args):
        return reverse(f"webhooks:{name}", args=[self.workspace.slug, *args])

    def get(self, query="", *, name="list", args=(), **options):
        return self.http.get(self.url(name, *args) + query, **options)

    def shown(self, query="", **options):
        return [row.workflow.workflow_id for row in self.get(query, **options).context["page"].rows]

    def ingest(self, workflow="public_bulk_1", codes=(500,) * 5, *, ago=3600, **facts):
        """Ingest a delivery that began so many seconds ago."""
        now = timezone.now()
        ingest_page(self.workspace, run(workflow, codes, start=now - timezone.timedelta(seconds=ago), **facts), now)
        return Delivery.objects.get(workflow__workflow_id=workflow, url=facts.get("url", HOOK) or "")
