import datetime as dt
from types import SimpleNamespace

import pytest
import time_machine
from django.template import engines
from django.utils import timezone

NOW = dt.datetime(2026, 4, 6, 15, 42, 11, tzinfo=dt.UTC)


@pytest.fixture
def now():
    with time_machine.travel(NOW, tick=False), timezone.override(dt.UTC):
        yield NOW


@pytest.fixture
def render():
    def render_source(source, request=None, **context):
        return engines["django"].from_string(source).render(context, request).strip()

    return render_source


@pytest.fixture
def state(now):
    def make(**changes):
        facts = {
            "last_success_at": now - dt.timedelta(seconds=40),
            "next_run_at": now + dt.timedelta(seconds=20),
            "last_error": "",
            "interval_seconds": 60,
            "is_stale": False,
        }
        return SimpleNamespace(**facts | changes)

    return make
