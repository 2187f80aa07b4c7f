"""A worker's app with a task that takes as long as a test wants: it ends once the file that it is given is gone."""

import time
from pathlib import Path

from config.celery import app

__all__ = ["app"]


@app.task(name="hold", ignore_result=True)
def hold(path):
    file = Path(path)
    with file.open("a") as begun:
        begun.write("begun\n")
    while file.exists():
        time.sleep(0.02)
