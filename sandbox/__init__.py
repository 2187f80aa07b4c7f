"""A Cleanlist-compatible API server: its own process, its own database, reached only over HTTP."""

import sys
from pathlib import Path


def run_installed() -> None:
    """Run `cleanlist-sandbox`, which does without the console; without a command it serves, and keeps nothing."""
    # In the wheel this is `cleanlist_console.sandbox`, while its modules name each other as in a checkout.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from sandbox.__main__ import main  # noqa: PLC0415

    sys.exit(main(sys.argv[1:] or ["serve", "--memory"]))
