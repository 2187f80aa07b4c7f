"""The Celery app: `celery -A dashboard worker`, with `-B` for beat beside it."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
# Celery warns root because of pickled tasks; ours are JSON, and containers often run as root.
warnings.filterwarnings("ignore", category=SecurityWarning)


def broker_url(redis_url: str) -> str:
    """Return ``redis_url`` as kombu spells it: unix sockets are ``redis+socket://`` there."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Log as the web process does, redaction included; Celery brings no handlers of its own."""
    logging.config.dictConfig(settings.LOGGING)


app = Celery("console")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
