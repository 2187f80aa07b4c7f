"""Settings, root URLs, the Celery app and the embedded set of processes."""

import gc

# Little that is loaded becomes garbage; looking for it takes a sixth of a short command. DashboardConfig.ready ends it.
gc.disable()

from dashboard.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
__version__ = "0.2.0"
