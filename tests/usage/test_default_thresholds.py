"""Workspaces of an older version get the absolute levels, unless somebody has changed what they started with."""

import importlib
from decimal import Decimal

import pytest
from django.apps import apps

from alerts.models import Rule

pytestmark = pytest.mark.django_db
FORMER = [("Balance getting low", "information", 20, 0), ("Balance low", "warning", 10, 86_400)]
FORMER += [("Balance almost gone", "critical", 5, 21_600)]
COLUMNS = ("name", "threshold", "recovery", "pending_seconds")


@pytest.fixture
def migrate(workspace):
    """Store the levels of the older version, let the test change them, and migrate."""
    for name, severity, percent, repeat in FORMER:
        Rule.objects.create(
            workspace=workspace,
            kind="balance_below",
            name=name,
            severity=severity,
            threshold=percent,
            recovery=percent * Decimal("1.1"),
            repeat_seconds=repeat,
            parameters={"unit": "percent"},
        )
    migration = importlib.import_module("usage.migrations.0007_absolute_default_rules")
    return lambda: migration.complete(apps, None)


def test_untouched_levels_are_completed_once(migrate):
    migrate()
    migrate()
    levels = list(Rule.objects.order_by("-threshold").values_list(*COLUMNS[:2], "pending_seconds"))
    assert levels == [
        ("Balance getting low", 20, 600),
        ("Less than one call left", 11, 600),
        ("Balance low", 10, 600),
        ("Balance almost gone", 5, 600),
        ("No credits left", Decimal("0.0001"), 0),
    ]
    assert set(Rule.objects.filter(parameters={"unit": "credits"}).values_list("severity", flat=True)) == {"critical"}


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 6},
        {"recovery": 7},
        {"pending_seconds": 60},
        {"repeat_seconds": 3600},
        {"addresses": ["finance@example.test"]},
        {"to_owners": False},
        {"enabled": False},
        {"name": "Nearly nothing"},
        {"severity": "warning"},
        {"parameters": {"unit": "credits"}},
    ],
    ids=str,
)
def test_levels_that_somebody_has_changed_stay_as_they_are(migrate, change):
    Rule.objects.filter(threshold=5).update(**change)
    before = list(Rule.objects.order_by("pk").values())
    migrate()
    assert list(Rule.objects.order_by("pk").values()) == before


def test_who_has_removed_a_level_gets_none_back(migrate):
    Rule.objects.filter(threshold=5).delete()
    migrate()
    assert Rule.objects.count() == 2


def test_the_level_of_no_credits_left_becomes_the_zero_that_it_means(migrate):
    migrate()
    migration = importlib.import_module("usage.migrations.0011_none_left")
    migration.say_zero(apps, None)
    assert Rule.objects.get(name="No credits left").threshold == 0
    assert Rule.objects.get(name="Balance almost gone").threshold == 5
    migration.say_smallest(apps, None)
    assert Rule.objects.get(name="No credits left").threshold == Decimal("0.0001")
