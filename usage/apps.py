from django.apps import AppConfig


class UsageConfig(AppConfig):
    """Floor 5: the credit balance and what is learned from it."""

    name = "usage"
