import django.db.models.deletion
from django.db import migrations, models

from keys.log.ingest.rollups import CountedRow, count_rows

BATCH = 2000


def count_what_is_there(apps, _):
    """Fill the rollups from the log, one key at a time, so that memory holds one workspace's cells at most."""
    model = {name: apps.get_model("keys", name) for name in ("ApiKey", "LoggedRequest", "KeyEndpoint")}
    key_traffic, workspace_traffic = apps.get_model("keys", "KeyTraffic"), apps.get_model("keys", "WorkspaceTraffic")
    sums, workspace_id = {}, None
    for key in model["ApiKey"].objects.order_by("workspace_id", "pk"):
        if key.workspace_id != workspace_id:
            _write(workspace_traffic, sums, workspace_id=workspace_id)
            sums, workspace_id = {}, key.workspace_id
        rows = model["LoggedRequest"].objects.filter(key=key).order_by("pk").values_list(*CountedRow._fields)
        endpoints = set()
        cells = count_rows((CountedRow(*row) for row in rows.iterator(BATCH)), endpoints)
        model["KeyEndpoint"].objects.bulk_create(
            [model["KeyEndpoint"](key=key, path=path) for path in sorted(endpoints)]
        )
        _write(key_traffic, cells, key=key)
        _merge(sums, cells)
    _write(workspace_traffic, sums, workspace_id=workspace_id)


def _merge(sums, cells):
    for cell, one in cells.items():
        if cell in sums:
            sums[cell].add(one.count, one.histogram)
        else:
            sums[cell] = one


def _write(model, cells, **owner):
    rows = [model(**owner, **cell._asdict(), count=one.count, histogram=one.histogram) for cell, one in cells.items()]
    model.objects.bulk_create(rows, batch_size=BATCH)


def traffic(name, owner, to):
    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("hour", models.DateTimeField()),
            ("endpoint", models.CharField(max_length=200)),
            ("status_class", models.PositiveSmallIntegerField()),
            ("count", models.PositiveIntegerField()),
            ("histogram", models.JSONField(default=dict)),
            (owner, foreign_key(to, "traffic")),
        ],
        options={
            "constraints": [
                models.UniqueConstraint(fields=[owner, "endpoint", "hour", "status_class"], name=f"one_cell_of_{owner}")
            ]
        },
    )


def foreign_key(to, related_name):
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name=related_name, to=to
    )


class Migration(migrations.Migration):
    dependencies = [("keys", "0004_capture"), ("workspaces", "0001_initial")]

    operations = [
        migrations.AddField("apikey", "kept_from", models.DateTimeField(null=True)),
        traffic("KeyTraffic", "key", "keys.apikey"),
        traffic("WorkspaceTraffic", "workspace", "workspaces.workspace"),
        migrations.CreateModel(
            name="KeyEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=200)),
                ("key", foreign_key("keys.apikey", "endpoints")),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["key", "path"], name="one_endpoint_of_key")]},
        ),
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
    ]
