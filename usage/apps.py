from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Floor 7: the credit balance and what is learned from it."""

    name = "usage"

    def ready(self) -> None:
        """Hear of what enrichments cost as soon as webhooks know it, and keep figures of what has landed."""
        from usage import figures  # noqa: PLC0415 - models can be imported from here on
        from usage.changes.review import hear_of  # noqa: PLC0415
        from webhooks.ingest import enrichment_status  # noqa: PLC0415
        from workspaces.polling.registry import on_ingested  # noqa: PLC0415

        enrichment_status.on_status(hear_of)
        on_ingested(figures.after_landing)
