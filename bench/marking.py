"""The console's workers for bench.broker_drill: they know one task more, by which each can be asked for a sign."""

from pathlib import Path

from config.celery import app


@app.task(name="mark", ignore_result=True)
def mark(path: str) -> None:
    """Make the file that is asked for."""
    Path(path).touch()
