"""What 0001 to 0010 make of an empty database, in one step. They stay for who has begun with them."""

import django.db.models.deletion
import core.clock
import workspaces.models.user
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('alerts', '0001_initial'),
        ('alerts', '0002_left_at'),
        ('alerts', '0003_edited_rules'),
        ('alerts', '0004_streams'),
        ('alerts', '0005_digest'),
        ('alerts', '0006_pauses'),
        ('alerts', '0007_database_clock'),
        ('alerts', '0008_past_of_the_demo'),
        ('alerts', '0009_dates_by_database_clock'),
        ('alerts', '0010_required_rules'),
    ]

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='SendingTurn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('leased_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('severity', models.CharField(choices=[('information', 'Information'), ('warning', 'Warning'), ('critical', 'Critical')], default='warning', max_length=12)),
                ('parameters', models.JSONField(default=dict)),
                ('threshold', models.DecimalField(decimal_places=4, max_digits=18)),
                ('recovery', models.DecimalField(decimal_places=4, max_digits=18)),
                ('pending_seconds', models.PositiveIntegerField(default=0)),
                ('repeat_seconds', models.PositiveIntegerField(default=0)),
                ('to_owners', models.BooleanField(default=True)),
                ('addresses', models.JSONField(default=list)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alert_rules', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'kind'], name='rules_of_workspace')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40)),
                ('rule_name', models.CharField(max_length=120)),
                ('condition', models.CharField(blank=True, max_length=300)),
                ('severity', models.CharField(choices=[('information', 'Information'), ('warning', 'Warning'), ('critical', 'Critical')], max_length=12)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('subject_label', models.CharField(blank=True, max_length=200)),
                ('subject_url', models.CharField(blank=True, max_length=300)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('firing', 'Firing'), ('unknown', 'Unknown'), ('resolved', 'Resolved')], max_length=10)),
                ('hidden_state', models.CharField(blank=True, max_length=10)),
                ('headline', models.CharField(blank=True, max_length=300)),
                ('facts', models.JSONField(default=list)),
                ('value', models.DecimalField(decimal_places=4, max_digits=24, null=True)),
                ('threshold', models.DecimalField(decimal_places=4, max_digits=24, null=True)),
                ('recovery', models.DecimalField(decimal_places=4, max_digits=24, null=True)),
                ('started_at', models.DateTimeField()),
                ('fired_at', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('evaluated_at', models.DateTimeField()),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('notified_at', models.DateTimeField(null=True)),
                ('notifications_sent', models.PositiveIntegerField(default=0)),
                ('acknowledged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='workspaces.workspace')),
                ('rule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='alerts', to='alerts.rule')),
                ('edited', models.CharField(blank=True, default='', max_length=600)),
                ('is_demo', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-resolved_at'], name='past_alerts'), models.Index(condition=models.Q(('resolved_at__isnull', True)), fields=['workspace'], name='open_alerts')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('rule', 'subject'), name='one_open_alert_each')],
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('next_run_at', models.DateTimeField(db_index=True, default=core.clock.cached_now)),
                ('leased_until', models.DateTimeField(null=True)),
                ('evaluated_at', models.DateTimeField(null=True)),
                ('again', models.BooleanField(default=False)),
                ('known_kinds', models.JSONField(default=list)),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='evaluation', to='workspaces.workspace')),
                ('paused_from', models.DateTimeField(null=True)),
                ('resumed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.EmailField(max_length=254)),
                ('summary_off_at', models.DateTimeField(null=True)),
                ('summary', models.CharField(blank=True, choices=[('', 'No summary'), ('daily', 'Every morning'), ('weekly', 'Every Monday morning')], default='', max_length=8)),
                ('summary_at', models.DateTimeField(null=True)),
                ('refused_at', models.DateTimeField(null=True)),
                ('refusal', models.TextField(blank=True)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='workspaces.workspace')),
                ('left_at', models.DateTimeField(null=True)),
                ('critical_off_at', models.DateTimeField(null=True)),
                ('warnings_off_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['address'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'address'), name='one_recipient_each')],
            },
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('firing', 'Alert'), ('reminder', 'Reminder'), ('eased', 'Better, not over'), ('resolved', 'Resolved'), ('test', 'Test'), ('summary', 'Summary'), ('digest', 'Digest')], max_length=10)),
                ('payload', models.JSONField(default=dict)),
                ('message_id', models.CharField(max_length=200, unique=True)),
                ('thread_id', models.CharField(blank=True, max_length=200)),
                ('in_reply_to', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('held', 'Held back'), ('queued', 'Waiting'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Given up'), ('undeliverable', 'Undeliverable'), ('dropped', 'Not needed any more'), ('in_digest', 'Part of a digest')], default='queued', max_length=14)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('next_attempt_at', models.DateTimeField(default=core.clock.cached_now)),
                ('leased_until', models.DateTimeField(null=True)),
                ('attempt_count', models.PositiveIntegerField(default=0)),
                ('sent_at', models.DateTimeField(null=True)),
                ('answer', models.TextField(blank=True)),
                ('alert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='alerts.alert')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='workspaces.workspace')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='alerts.recipient')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'sending'])), fields=['next_attempt_at'], name='outbox_due'), models.Index(fields=['workspace', '-id'], name='notification_log'), models.Index(condition=models.Q(('state', 'held')), fields=['next_attempt_at'], name='outbox_held')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=core.clock.cached_now)),
                ('duration_ms', models.PositiveIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('started', 'No outcome was noted'), ('accepted', 'Accepted'), ('deferred', 'Put off'), ('refused', 'Refused')], default='started', max_length=10)),
                ('answer', models.TextField(blank=True)),
                ('notification', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='alerts.notification')),
            ],
            options={
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='QuietHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begin', models.TimeField()),
                ('end', models.TimeField()),
                ('time_zone', models.CharField(blank=True, max_length=64, validators=[workspaces.models.user.validate_time_zone])),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='quiet_hours', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Snooze',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('until', models.DateTimeField(null=True)),
                ('level', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
                ('at', models.DateTimeField(default=core.clock.cached_now)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='snoozes', to='alerts.rule')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rule', 'subject'), name='one_snooze_each')],
            },
        ),
        migrations.CreateModel(
            name='Transition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=core.clock.cached_now)),
                ('before', models.CharField(blank=True, max_length=10)),
                ('after', models.CharField(blank=True, max_length=10)),
                ('value', models.DecimalField(decimal_places=4, max_digits=24, null=True)),
                ('text', models.CharField(max_length=500)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='transitions', to='alerts.alert')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['at', 'pk'],
            },
        ),
    ]
