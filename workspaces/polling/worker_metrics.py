"""Metrics of calls to Cleanlist, of polls and of tasks. Sending them starts with the worker."""

import time
from typing import Any

from celery.signals import (
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutting_down,
)

import cleanlist
from workspaces.polling import metrics_store
from workspaces.polling.metrics_store import RedisMetric

CALL_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TASK_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0)
CALL_SECONDS = RedisMetric(
    "console_upstream_call_duration_seconds",
    "How long Cleanlist, and Clerk for session tokens, took to answer, or not to.",
    ("endpoint",),
    CALL_BOUNDS,
)
ANSWERS = RedisMetric(
    "console_upstream_answers_total",
    "Answers of Cleanlist and Clerk by HTTP status, or what kind of failure came instead.",
    ("endpoint", "answer"),
)
POLLS = RedisMetric(
    "console_polls_settled_total",
    "Polls by how they ended; held are those that waited for room in the rate limit.",
    ("resource", "outcome"),
)
TASK_SECONDS = RedisMetric("console_task_duration_seconds", "How long tasks of workers ran.", ("task",), TASK_BOUNDS)
TASKS = RedisMetric("console_tasks_total", "Tasks that workers ran, by how they ended.", ("task", "outcome"))


def _answered(endpoint: str, answer: str, seconds: float) -> None:
    CALL_SECONDS.observe(seconds, endpoint)
    ANSWERS.count(endpoint, answer)


cleanlist.observe_with(_answered)
_began: dict[str, float] = {}


@task_prerun.connect
def _note_beginning(task_id: str, **_: object) -> None:
    _began[task_id] = time.monotonic()


@task_postrun.connect
def _note_end(task_id: str, task: Any, state: str | None = None, **_: object) -> None:
    began = _began.pop(task_id, None)
    if began is not None:
        TASK_SECONDS.observe(time.monotonic() - began, task.name)
    TASKS.count(task.name, "succeeded" if state == "SUCCESS" else "failed")


@worker_ready.connect
@worker_process_init.connect
def _begin(**_: object) -> None:
    metrics_store.start()


@worker_shutting_down.connect
@worker_process_shutdown.connect
def _hand_over(**_: object) -> None:
    metrics_store.flush()
