"""Replaces this process by another program that gets SIGTERM when its parent dies, even by SIGKILL.

Run as `python parent_death.py <pid of the parent> <program> <arguments…>`. It has few imports, as it runs at each
start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives exec


def end_with_parent(parent: int) -> None:
    """Ask the kernel for SIGTERM at the death of ``parent``, this process's parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        sys.exit(1)


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    end_with_parent(parent)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
