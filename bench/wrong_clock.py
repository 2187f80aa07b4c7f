"""Celery with a clock that jumps: ``python -m bench.wrong_clock SECONDS worker …``.

Every SECONDS its wall clock is an hour ahead, right again, an hour behind, and right again; its monotonic clock, like a
machine's, knows nothing of that. Only this process is wrong, as one machine of several may be.
"""

import itertools
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import time_machine

HOUR = timedelta(hours=1)
OFF = (HOUR, timedelta(0), -HOUR, timedelta(0))


def jump(seconds):
    """Set the clock anew every ``seconds``, for good."""
    began, right = time.monotonic(), datetime.now(UTC)
    traveller = time_machine.travel(right).start()
    for off in itertools.cycle(OFF):
        traveller.move_to(right + timedelta(seconds=time.monotonic() - began) + off)
        time.sleep(seconds)


def main():
    threading.Thread(target=jump, args=(float(sys.argv.pop(1)),), daemon=True).start()
    from celery.__main__ import main as celery  # noqa: PLC0415 - reads the arguments

    sys.exit(celery())


if __name__ == "__main__":
    main()
