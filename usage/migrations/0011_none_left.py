"""The level of “No credits left” is 0: that is what it means, and such a rule now fires at a balance of 0."""

from decimal import Decimal

from django.db import migrations


def say_zero(apps, schema_editor):
    rules = apps.get_model("alerts", "Rule").objects.filter(kind="balance_below")
    rules.filter(threshold=Decimal("0.0001")).update(threshold=0)


def say_smallest(apps, schema_editor):
    """The code before fires below the level only."""
    rules = apps.get_model("alerts", "Rule").objects.filter(kind="balance_below")
    rules.filter(threshold=0).update(threshold=Decimal("0.0001"))


class Migration(migrations.Migration):
    dependencies = [("usage", "0010_database_clock"), ("alerts", "0011_labels")]

    operations = [migrations.RunPython(say_zero, say_smallest)]
