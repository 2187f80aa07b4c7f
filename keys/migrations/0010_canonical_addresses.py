"""Addresses in the log that are not in canonical form are given it, and the values noted of them are merged.

Only those rows are written, in batches that each stand for themselves: if it is interrupted, it goes on where it was.
The addresses of a workspace are found one after the other by the index of addresses, not by reading the log.
"""

from django.db import connection, migrations, transaction
from django.db.models import F, Min

from keys.log.canonical import canonical_ip
from keys.log.models.facet import fingerprint

BATCH = 2_000


def unify(apps, _):
    log, value = apps.get_model("keys", "LoggedRequest"), apps.get_model("keys", "LogValue")
    for workspace in apps.get_model("workspaces", "Workspace").objects.values_list("pk", flat=True):
        for address in _addresses(log.objects.filter(workspace_id=workspace)):
            if canonical_ip(address) != address:
                _rewrite(log, workspace, address)
    values = value.objects.filter(kind="ip_address").iterator(BATCH)
    for noted in [one for one in values if canonical_ip(one.value) != one.value]:
        with transaction.atomic():
            _merge(value, noted)


def _addresses(rows):
    address = ""
    while (address := rows.filter(ip_address__gt=address).aggregate(Min("ip_address"))["ip_address__min"]) is not None:
        yield address


def _rewrite(log, workspace, address):
    rows = log.objects.filter(workspace_id=workspace, ip_address=address)
    while batch := list(rows.values_list("pk", "created_at")[:BATCH]):
        chosen = rows.filter(pk__in=[pk for pk, _ in batch])
        if connection.vendor == "postgresql":
            # The times say nothing new; they spare looking into the partitions of other months. SQLite has none, and
            # compares times as texts: rows whose times are not in Django's form would be chosen for ever.
            times = [at for _, at in batch]
            chosen = chosen.filter(created_at__range=(min(times), max(times)))
        chosen.update(ip_address_sent=F("ip_address"), ip_address=canonical_ip(address))


def _merge(value, noted):
    number = fingerprint(canonical_ip(noted.value))
    same = value.objects.filter(key_id=noted.key_id, kind=noted.kind, is_own_call=noted.is_own_call)
    there = same.filter(fingerprint=number).first()
    if there is None:
        same.filter(pk=noted.pk).update(value=canonical_ip(noted.value), fingerprint=number)
        return
    there.count += noted.count
    there.first_seen_at = min(there.first_seen_at, noted.first_seen_at)
    there.last_seen_at = max(there.last_seen_at, noted.last_seen_at)
    there.save()
    noted.delete()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("keys", "0009_addresses_sent"), ("workspaces", "0001_initial")]

    operations = [migrations.RunPython(unify, migrations.RunPython.noop)]
