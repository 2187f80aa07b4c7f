from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("keys", "0013_database_clock")]

    operations = [migrations.AddField("loggap", "is_estimate", models.BooleanField(default=False, db_default=False))]
