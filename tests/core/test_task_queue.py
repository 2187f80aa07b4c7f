"""Tasks are asked for by name, so nothing but this would notice a name that no task has."""

import ast

from celery import current_app

from tests.architecture.test_floors import PATHS


def names_asked_for():
    for path in PATHS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "enqueue_on_commit":
                yield ast.literal_eval(node.args[0])


def test_every_task_that_is_asked_for_by_name_exists():
    current_app.loader.import_default_modules()
    names = set(names_asked_for())
    assert {"alerts.tasks.send_notifications", "webhooks.tasks.redeliver"} < names
    assert names <= set(current_app.tasks)
