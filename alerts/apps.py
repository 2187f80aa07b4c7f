from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AlertsConfig(AppConfig):
    """Floor 3: alert rules, their states, the notification outbox and its e-mails."""

    name = "alerts"

    def ready(self) -> None:
        """Let every app say what its rules look at, and look again whenever a poll has landed."""
        from alerts.services import evaluating  # noqa: PLC0415 - models can be imported from here on
        from workspaces.polling.registry import on_landed  # noqa: PLC0415

        autodiscover_modules("rules")
        on_landed(evaluating.after_landing)
