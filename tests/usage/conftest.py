from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.usage.balance_history import record_series


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def readings(workspace, now):
    """Record balances so many minutes ago: ``readings({60: 500, 59: 480})``."""

    def record(by_age):
        record_series(workspace, [(now - timedelta(minutes=age), Decimal(value)) for age, value in by_age.items()])

    return record
