"""The Celery app: `celery -A config worker`, with `-B` for beat beside it."""

import logging.config
import os
import sys
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]
from celery.signals import setup_logging, worker_process_init, worker_ready
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from config.environment import ROOT
from config.gc_freeze import freeze_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Celery warns root because of pickled tasks; ours are JSON, and containers often run as root.
warnings.filterwarnings("ignore", category=SecurityWarning)

# Kombu's names for Redis, with a transport of ours that junk in a queue does not end.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "config.queue.redis_transport:Transport"))


def broker_url(redis_url: str) -> str:
    """Return ``redis_url`` as kombu spells it: unix sockets are ``redis+socket://`` there.

    With TLS it checks the server's certificate only when asked to, unlike redis-py, which everything else here uses.
    """
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    if redis_url.startswith("rediss://") and "ssl_cert_reqs=" not in redis_url:
        return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=required"
    return redis_url


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Log as the web process does, redaction included; Celery brings no handlers of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
@worker_process_init.connect
def freeze_after_start(**_: Any) -> None:
    """Spare the collector what tasks will use all the time; in each process of a pool that has several."""
    freeze_loaded_objects()


# Celery puts the current directory before everything else, and what lies there is not ours to run. Its command line
# takes away one mention of that directory, which may be ROOT, once it has read this.
_path = [str(ROOT), *sys.path]
app = Celery("console")
sys.path[:] = _path
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
