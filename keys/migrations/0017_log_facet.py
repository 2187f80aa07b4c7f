from django.db import migrations


class Migration(migrations.Migration):
    """Renames a model. Its table keeps its name, so that workers of the version before go on while this runs."""

    dependencies = [("keys", "0016_what_was_missing_before_gaps")]

    operations = [
        migrations.AlterModelTable(name="logvalue", table="keys_logvalue"),
        migrations.RenameModel(old_name="LogValue", new_name="LogFacet"),
    ]
