"""Addresses with a port or in brackets are given their canonical form too, by the same few writes as in 0010."""

from importlib import import_module

from django.db import migrations

unify = import_module("keys.migrations.0010_canonical_addresses").unify


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("keys", "0014_estimated_gaps"), ("workspaces", "0001_initial")]

    operations = [migrations.RunPython(unify, migrations.RunPython.noop)]
