from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Floor 6: what ties the apps together."""

    name = "dashboard"
