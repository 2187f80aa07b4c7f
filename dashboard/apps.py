import gc
from typing import Any

import structlog
from django.apps import AppConfig
from django.http import HttpRequest
from django_structlog.signals import bind_extra_request_failed_metadata, bind_extra_request_metadata

from core.client_ip import client_ip
from dashboard.errors import shorten_failure


class DashboardConfig(AppConfig):
    """Floor 6: what ties the apps together."""

    name = "dashboard"

    def ready(self) -> None:
        """Put the address of the person's machine on every log line of a request; show webhooks the request log."""
        bind_extra_request_metadata.connect(_bind_address, dispatch_uid="client address")
        bind_extra_request_failed_metadata.connect(shorten_failure, dispatch_uid="redis is away")
        from dashboard import checks  # noqa: F401, PLC0415 - registered by being imported
        from dashboard.workflows import workflows_in_log  # noqa: PLC0415 - models can be imported from here on
        from webhooks import following  # noqa: PLC0415

        following.learn_with(workflows_in_log)
        gc.enable()  # this app is the last that is loaded


def _bind_address(request: HttpRequest, **_: Any) -> None:
    structlog.contextvars.bind_contextvars(ip=client_ip(request))
