import gc

import structlog
from django.apps import AppConfig
from django.http import HttpRequest
from django_structlog.signals import bind_extra_request_failed_metadata, bind_extra_request_metadata

from config.web.errors import shorten_outage_log
from core.net.client_ip import client_ip


class ConfigConfig(AppConfig):
    """Floor 9: the project, which ties the apps together."""

    name = "config"

    def ready(self) -> None:
        """Bind the client's IP address to every log line of a request."""
        bind_extra_request_metadata.connect(_bind_address, dispatch_uid="client address")
        bind_extra_request_failed_metadata.connect(shorten_outage_log, dispatch_uid="redis is away")
        from config import checks  # noqa: F401, PLC0415 - registered by being imported

        gc.enable()  # this app is loaded last


def _bind_address(request: HttpRequest, **_: object) -> None:
    structlog.contextvars.bind_contextvars(ip=client_ip(request))
