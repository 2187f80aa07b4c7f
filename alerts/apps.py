from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AlertsConfig(AppConfig):
    """Floor 4: alert rules, their states, the notification outbox and its e-mails."""

    name = "alerts"

    def ready(self) -> None:
        """Load each app's rule kinds, evaluate rules after each ingest, and give new workspaces their default rules."""
        from alerts.engine import evaluation  # noqa: PLC0415 - models can be imported from here on
        from alerts.services.default_rules import ensure_evaluation  # noqa: PLC0415
        from workspaces.polling.registry import on_ingested  # noqa: PLC0415
        from workspaces.services.connections import on_connected  # noqa: PLC0415

        autodiscover_modules("rules")
        on_ingested(evaluation.evaluate_after_ingest)
        on_connected(ensure_evaluation)
