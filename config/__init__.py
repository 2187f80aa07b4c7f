"""The project: settings, root URLs, the Celery app, what watches the processes, and the embedded set of them."""

import gc

# Little that is loaded becomes garbage; looking for it takes a sixth of a short command. ConfigConfig.ready ends it.
gc.disable()

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
__version__ = "0.2.0"
