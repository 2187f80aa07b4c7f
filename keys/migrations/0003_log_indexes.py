import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def copy_workspaces(apps, _):
    key = apps.get_model("keys", "ApiKey").objects.filter(pk=OuterRef("key_id"))
    log = apps.get_model("keys", "LoggedRequest").objects.filter(workspace__isnull=True)
    log.update(workspace=Subquery(key.values("workspace_id")[:1]))


def workspace(**options):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to="workspaces.workspace",
        **options,
    )


def index(name, *fields):
    return migrations.AddIndex("loggedrequest", models.Index(fields=[*fields, "-created_at", "-id"], name=name))


class Migration(migrations.Migration):
    dependencies = [("keys", "0002_creation_seen_at")]

    operations = [
        migrations.AddField("loggedrequest", "workspace", workspace(null=True)),
        migrations.RunPython(copy_workspaces, migrations.RunPython.noop),
        migrations.AlterField("loggedrequest", "workspace", workspace()),
        migrations.AlterField(
            "loggedrequest",
            "key",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="keys.apikey",
            ),
        ),
        index("log_of_key_by_status", "key", "status_code"),
        index("log_of_workspace", "workspace"),
        index("log_of_workspace_by_status", "workspace", "status_code"),
        index("log_by_ip", "workspace", "ip_address"),
    ]
