from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Floor 8: the start page, and the overview of one workspace."""

    name = "dashboard"
