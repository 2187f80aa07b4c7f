from django.apps import AppConfig

from core import form_messages  # noqa: F401 - before any form is made or question asked, as apps are
from core.db import sql  # noqa: F401 - registers lookups


class CoreConfig(AppConfig):
    """Floor 2: code that all apps use. It has no models."""

    name = "core"
