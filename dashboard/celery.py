"""The Celery app: `celery -A dashboard worker`, with `-B` for beat in the same process."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")


def broker_url(redis_url: str) -> str:
    """Return ``redis_url`` as kombu spells it: unix sockets are ``redis+socket://`` there."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url


app = Celery("console")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
