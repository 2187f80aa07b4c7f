"""Kills the leftover processes of a console that was killed by SIGKILL.

Run as `python reaper.py <seconds>`. Its input lists the process groups that the console has started (`+123`) and ended
(`-123`), one per line, and ends when the console does. It has few imports, because it runs as long as the console.
"""

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    """Wait until the console ends, give the groups ``seconds`` to end by themselves, then kill them."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    until = time.monotonic() + float(sys.argv[1])
    while groups := {group for group in groups if _send(group, 0)}:
        if time.monotonic() > until:
            for group in groups:
                _send(group, signal.SIGKILL)
            return
        time.sleep(0.05)


def _send(group: int, number: int) -> bool:
    """Send a signal to ``group``; return whether it still has processes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
