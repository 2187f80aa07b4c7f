from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0003_burn_pattern"),
        ("workspaces", "0006_actions_of_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BalanceChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                *(
                    (name, models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=18))
                    for name in (
                        "before", "after", "topped_up", "top_up_low", "top_up_high", "corrected", "returned"
                    )
                ),
                ("is_gap", models.BooleanField(default=False)),
                (
                    "certainty",
                    models.CharField(
                        choices=[("certain", "certain"), ("likely", "likely"), ("uncertain", "uncertain")],
                        max_length=10,
                    ),
                ),
                ("why", models.JSONField(blank=True, default=list)),
                ("is_settled", models.BooleanField(default=False)),
                (
                    "mark",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("top_up", "top_up"),
                            ("refund", "refund"),
                            ("correction", "correction"),
                            ("none", "none"),
                        ],
                        max_length=12,
                    ),
                ),
                ("marked", models.DecimalField(decimal_places=4, max_digits=18, null=True)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("marked_at", models.DateTimeField(null=True)),
                (
                    "marked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reading",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="change", to="usage.balancereading"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="balancechange",
            index=models.Index(fields=["workspace", "until"], name="changes_of_balance"),
        ),
        migrations.AddIndex(
            model_name="balancechange",
            index=models.Index(
                condition=models.Q(
                    ("top_up_high__gt", 0),
                    models.Q(("corrected", 0), _negated=True),
                    ("is_gap", True),
                    _connector="OR",
                ),
                fields=["workspace", "until"],
                name="changes_telling",
            ),
        ),
        migrations.AddIndex(
            model_name="balancechange",
            index=models.Index(
                condition=models.Q(("certainty", "uncertain"), ("mark", "")),
                fields=["workspace", "until"],
                name="changes_uncertain",
            ),
        ),
        migrations.AddIndex(
            model_name="balancechange",
            index=models.Index(
                condition=models.Q(("is_settled", False)), fields=["workspace", "until"], name="changes_unread"
            ),
        ),
    ]
