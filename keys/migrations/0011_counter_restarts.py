from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("keys", "0010_canonical_addresses")]

    operations = [
        migrations.AddField("apikey", "settled_count", models.BigIntegerField(null=True)),
        migrations.AddField("apikey", "count_restarted_at", models.DateTimeField(null=True)),
        migrations.AlterField("loggap", "size", models.PositiveBigIntegerField(null=True)),
    ]
