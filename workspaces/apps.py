from importlib import import_module

from allauth.usersessions import apps as usersessions
from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WorkspacesConfig(AppConfig):
    """Floor 3: connections to Cleanlist organizations, their people, their audit trail, and the polling engine."""

    name = "workspaces"

    def ready(self) -> None:
        """Let every app say what it polls, and what of it ends with a right, so that no app is known here."""
        autodiscover_modules("polls", "holdings")
        import_module("workspaces.accounts.events")  # its receivers listen to django-allauth
        import_module("workspaces.polling.worker_metrics")  # and those to Celery and the client


class ListOfSessionsConfig(usersessions.UserSessionsConfig):  # type: ignore[misc]
    """django-allauth's list of sessions, without the receivers that would write ids into it; ours write hashes."""

    default = False  # what belongs to "workspaces" is the class above

    def ready(self) -> None:
        """Connect nothing: see ``workspaces.accounts.events``."""
