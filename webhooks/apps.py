from importlib import import_module

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Floor 6: the delivery inspector, and getting results delivered after all."""

    name = "webhooks"

    def ready(self) -> None:
        """Register what of webhooks can be found."""
        import_module("webhooks.presenters.finders")
