"""What 0001 to 0010 make of an empty database, in one step. They stay for who has begun with them."""

import django.db.models.deletion
import core.clock
import workspaces.models.user
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('usage', '0001_initial'),
        ('usage', '0002_history_by_the_hour'),
        ('usage', '0003_burn_pattern'),
        ('usage', '0004_changes_of_balance'),
        ('usage', '0005_read_changes'),
        ('usage', '0006_untouched_readings'),
        ('usage', '0007_absolute_default_rules'),
        ('usage', '0008_imports_of_balance'),
        ('usage', '0009_budget'),
        ('usage', '0010_database_clock'),
    ]

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BalanceImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('at', models.DateTimeField(default=core.clock.cached_now)),
                ('rows', models.PositiveIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('is_demo', models.BooleanField(default=False)),
                ('undone_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='balance_imports', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='BalanceReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('credits', models.DecimalField(decimal_places=4, max_digits=18)),
                ('first_read_at', models.DateTimeField()),
                ('read_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='balance_readings', to='workspaces.workspace')),
                ('gap_seconds', models.PositiveIntegerField(default=0)),
                ('imported', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='usage.balanceimport')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-read_at'], name='balance_of_workspace'), models.Index(fields=['workspace', '-first_read_at'], name='balance_by_beginning')],
            },
        ),
        migrations.CreateModel(
            name='BalanceHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('lowest', models.DecimalField(decimal_places=4, max_digits=18)),
                ('highest', models.DecimalField(decimal_places=4, max_digits=18)),
                ('closing', models.DecimalField(decimal_places=4, max_digits=18)),
                ('spent', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('spent_in_gap', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('returned', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('topped_up', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('covered_seconds', models.FloatField(default=0)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='balance_hours', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'hour'), name='one_row_an_hour')],
            },
        ),
        migrations.CreateModel(
            name='BurnPattern',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('hours_seen', models.PositiveIntegerField()),
                ('learned', models.JSONField(null=True)),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='burn_pattern', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='BalanceChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('before', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('after', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('topped_up', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('top_up_low', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('top_up_high', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('corrected', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('returned', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=18)),
                ('is_gap', models.BooleanField(default=False)),
                ('certainty', models.CharField(choices=[('certain', 'certain'), ('likely', 'likely'), ('uncertain', 'uncertain')], max_length=10)),
                ('why', models.JSONField(blank=True, default=list)),
                ('is_settled', models.BooleanField(default=False)),
                ('mark', models.CharField(blank=True, choices=[('top_up', 'top_up'), ('refund', 'refund'), ('correction', 'correction'), ('none', 'none')], max_length=12)),
                ('marked', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('marked_at', models.DateTimeField(null=True)),
                ('marked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reading', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='change', to='usage.balancereading')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'until'], name='changes_of_balance'), models.Index(condition=models.Q(('top_up_high__gt', 0), models.Q(('corrected', 0), _negated=True), ('is_gap', True), _connector='OR'), fields=['workspace', 'until'], name='changes_telling'), models.Index(condition=models.Q(('certainty', 'uncertain'), ('mark', '')), fields=['workspace', 'until'], name='changes_uncertain'), models.Index(condition=models.Q(('is_settled', False)), fields=['workspace', 'until'], name='changes_unread')],
            },
        ),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('credits', models.DecimalField(decimal_places=4, max_digits=18)),
                ('length', models.CharField(choices=[('month', 'Calendar month'), ('week', 'Calendar week, from Monday on')], default='month', max_length=5)),
                ('length_since', models.DateTimeField(default=core.clock.cached_now)),
                ('time_zone', models.CharField(blank=True, max_length=64, validators=[workspaces.models.user.validate_time_zone])),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='budget', to='workspaces.workspace')),
            ],
        ),
    ]
