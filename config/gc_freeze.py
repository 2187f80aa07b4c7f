"""Garbage collection of long-running processes."""

import gc


def freeze_loaded_objects() -> None:
    """Exclude all objects allocated so far from garbage collection (``gc.freeze``).

    Several hundred thousand objects of Django and its libraries live as long as the process; traversing them repeatedly
    took a tenth of a worker's time (``bench/polling_throughput.py``). Call this once everything is loaded.
    """
    gc.collect()
    gc.freeze()
