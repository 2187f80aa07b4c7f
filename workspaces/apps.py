from importlib import import_module

from allauth.usersessions import apps as usersessions
from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WorkspacesConfig(AppConfig):
    """Floor 3: workspaces with their members and audit trail, user accounts, and the polling engine."""

    name = "workspaces"

    def ready(self) -> None:
        """Import ``polls``, ``holdings`` and ``finders`` of all apps.

        They register themselves, so that this app knows no other.
        """
        autodiscover_modules("polls", "holdings", "finders")
        import_module("workspaces.find.finders")
        import_module("workspaces.accounts.events")  # connects the receivers of django-allauth's signals
        import_module("workspaces.polling.worker_metrics")  # connects those of Celery and the client


class ListOfSessionsConfig(usersessions.UserSessionsConfig):
    """django-allauth's list of sessions without its receivers, which would store session keys; ours store hashes."""

    default = False  # the config of "workspaces" is the class above

    def ready(self) -> None:
        """Connect no receivers: ``workspaces.accounts.events`` replaces them."""
