from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Floor 6: the delivery inspector, and getting results delivered after all."""

    name = "webhooks"
