"""Rows of the request log keep the address as upstream sent it beside the canonical one. Adding the column rewrites
nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("keys", "0008_revoke_begun")]

    operations = [
        migrations.AddField("loggedrequest", "ip_address_sent", models.CharField(max_length=64, null=True)),
    ]
