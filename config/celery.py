"""The Celery app: `celery -A config worker`; add `-B` to run beat in the worker."""

import logging.config
import os
import sys
import warnings

from celery import Celery
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]
from celery.signals import setup_logging, worker_process_init, worker_ready
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from config.environment import ROOT
from config.gc_freeze import freeze_loaded_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Celery warns root about pickled tasks; ours are JSON, and containers often run as root.
warnings.filterwarnings("ignore", category=SecurityWarning)

# Replace kombu's Redis transport by ours, which survives invalid data in a queue.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "config.queue.redis_transport:Transport"))


def broker_url(redis_url: str) -> str:
    """Return ``redis_url`` in kombu's form: unix sockets are ``redis+socket://`` there.

    With TLS, kombu verifies the server's certificate only on request, unlike redis-py, which everything else here uses.
    """
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    if redis_url.startswith("rediss://") and "ssl_cert_reqs=" not in redis_url:
        return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=required"
    return redis_url


@setup_logging.connect
def configure_logging(**_: object) -> None:
    """Log as the web process does, including redaction; Celery adds no handlers of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
@worker_process_init.connect
def freeze_after_start(**_: object) -> None:
    """Exclude long-lived objects from garbage collection, in each process of the pool."""
    freeze_loaded_objects()


# Celery puts the current directory first on the path, but code there must not run. Once this module is loaded, Celery's
# command line removes one entry for that directory, which may be ROOT; so ROOT is added again.
_path = [str(ROOT), *sys.path]
app = Celery("console")
sys.path[:] = _path
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
