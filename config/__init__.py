"""The project: settings, root URLs, the Celery app, health checks, and the embedded set of processes."""

import gc

# Few objects created while loading become garbage, and searching for them takes a sixth of a short command's time.
# ConfigConfig.ready enables it again.
gc.disable()

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
__version__ = "0.2.0"
