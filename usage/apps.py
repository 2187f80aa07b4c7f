from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Floor 7: the credit balance, and what follows from it."""

    name = "usage"

    def ready(self) -> None:
        """Update changes when webhooks report an enrichment's cost, and refresh cached metrics after each poll."""
        from usage import metrics_cache  # noqa: PLC0415 - models can be imported from here on
        from usage.changes.review import invalidate_for_workflow  # noqa: PLC0415
        from webhooks.ingest import enrichment_status  # noqa: PLC0415
        from workspaces.polling.registry import on_ingested  # noqa: PLC0415

        enrichment_status.on_status(invalidate_for_workflow)
        on_ingested(metrics_cache.refresh_metrics)
