"""How a process that runs for long keeps its memory in order."""

import gc


def freeze_loaded_objects() -> None:
    """Tell the garbage collector that what is here now stays.

    Some hundred thousand objects of Django and its libraries live as long as the process; looking through them again
    and again took a tenth of a worker's time (``bench/polling_throughput.py``). Call it when all is loaded.
    """
    gc.collect()
    gc.freeze()
