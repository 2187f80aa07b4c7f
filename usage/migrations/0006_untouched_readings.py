from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("usage", "0005_read_changes")]

    operations = [
        migrations.RemoveIndex(model_name="balancereading", name="top_ups"),
        migrations.RemoveField(model_name="balancereading", name="topped_up"),
    ]
