from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0006_days_of_endpoints")]

    operations = [
        migrations.AddIndex(
            model_name="workflow",
            index=models.Index(
                condition=models.Q(("source", "deliveries"), _negated=True),
                fields=["workspace", "-completed_at", "-id"],
                name="workflows_learned_otherwise",
            ),
        ),
    ]
