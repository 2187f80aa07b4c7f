from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0007_database_clock")]

    operations = [
        migrations.AddField(model_name="alert", name="is_demo", field=models.BooleanField(default=False)),
    ]
