"""What 0001 to 0010 make of an empty database, in one step. They stay for who has begun with them."""

import django.db.models.deletion
import uuid
import core.clock
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('webhooks', '0001_initial'),
        ('webhooks', '0002_figures_of_endpoints'),
        ('webhooks', '0003_next_of_attempt'),
        ('webhooks', '0004_sending_again'),
        ('webhooks', '0005_workflows_by_beginning'),
        ('webhooks', '0006_days_of_endpoints'),
        ('webhooks', '0007_workflows_learned_otherwise'),
        ('webhooks', '0008_credits_of_workflows'),
        ('webhooks', '0009_taken_over_by'),
        ('webhooks', '0010_database_clock'),
    ]

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Workflow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workflow_id', models.CharField(max_length=200)),
                ('source', models.CharField(choices=[('deliveries', 'Seen among the delivery attempts'), ('request_log', 'Seen in the request log'), ('looked_up', 'Looked up by a person')], max_length=20)),
                ('first_seen_at', models.DateTimeField()),
                ('status', models.CharField(blank=True, max_length=40)),
                ('summary', models.JSONField(blank=True, default=dict)),
                ('completed_at', models.DateTimeField(null=True)),
                ('status_read_at', models.DateTimeField(null=True)),
                ('status_error', models.TextField(blank=True)),
                ('status_gone', models.BooleanField(default=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='workflows', to='workspaces.workspace')),
                ('credits_charged', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
                ('credits_reserved', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
                ('enrichment_type', models.CharField(blank=True, max_length=40)),
                ('submitted_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'workflow_id'], name='workflows_by_beginning', opclasses=['int8_ops', 'varchar_pattern_ops']), models.Index(condition=models.Q(('source', 'deliveries'), _negated=True), fields=['workspace', '-completed_at', '-id'], name='workflows_learned_otherwise'), models.Index(fields=['workspace', 'completed_at'], name='workflows_by_end')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'workflow_id'), name='one_row_a_workflow')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.TextField(blank=True)),
                ('host', models.CharField(blank=True, max_length=255)),
                ('state', models.CharField(choices=[('delivered', 'Delivered'), ('retrying', 'Retrying'), ('failed', 'Failed')], max_length=10)),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('runs', models.PositiveIntegerField(default=1)),
                ('first_attempt_at', models.DateTimeField()),
                ('last_attempt_at', models.DateTimeField()),
                ('last_status_code', models.PositiveSmallIntegerField(null=True)),
                ('last_error', models.TextField(blank=True)),
                ('last_duration_ms', models.PositiveIntegerField(null=True)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('next_is_estimate', models.BooleanField(default=False)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('redelivered_at', models.DateTimeField(null=True)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='workspaces.workspace')),
                ('workflow', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.workflow')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-last_attempt_at', '-id'], name='deliveries_newest'), models.Index(fields=['workspace', 'state', '-last_attempt_at', '-id'], name='deliveries_by_state'), models.Index(fields=['workspace', 'host', '-last_attempt_at', '-id'], name='deliveries_by_host'), models.Index(fields=['workspace', 'reason', '-last_attempt_at', '-id'], name='deliveries_by_reason'), models.Index(fields=['workspace', 'host', 'state', '-last_attempt_at'], name='deliveries_in_a_row'), models.Index(condition=models.Q(('state', 'delivered'), _negated=True), fields=['workspace', '-last_attempt_at'], include=('host', 'reason', 'state'), name='deliveries_failing')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'workflow', 'url'), name='one_delivery_a_url')],
            },
        ),
        migrations.CreateModel(
            name='Redelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('job_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('state', models.CharField(choices=[('running', 'Running'), ('paused', 'Paused'), ('finished', 'Finished'), ('cancelled', 'Cancelled')], default='running', max_length=10)),
                ('url', models.TextField(blank=True)),
                ('filters', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('finished_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='redeliveries', to='workspaces.workspace')),
                ('failed_in_a_row', models.PositiveIntegerField(default=0)),
                ('next_run_at', models.DateTimeField(null=True)),
                ('note', models.TextField(blank=True)),
                ('taken_over_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-created_at'], name='redeliveries_newest'), models.Index(condition=models.Q(('state', 'running')), fields=['id'], name='redeliveries_running')],
            },
        ),
        migrations.CreateModel(
            name='Item',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.TextField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Sending'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('skipped', 'Skipped'), ('unknown', 'Unknown')], default='waiting', max_length=10)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(null=True)),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('error', models.TextField(blank=True)),
                ('duration_ms', models.PositiveIntegerField(null=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('delivery', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='redelivery_items', to='webhooks.delivery')),
                ('redelivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='webhooks.redelivery')),
                ('workflow', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='webhooks.workflow')),
            ],
            options={
                'indexes': [models.Index(fields=['redelivery', 'state', 'id'], name='items_of_redelivery'), models.Index(condition=models.Q(('state', 'sending')), fields=['id'], name='items_being_sent')],
                'constraints': [models.UniqueConstraint(fields=('redelivery', 'workflow', 'url'), name='one_item_a_result')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('upstream_id', models.CharField(max_length=200)),
                ('run', models.PositiveIntegerField(default=1)),
                ('number', models.PositiveIntegerField()),
                ('status', models.CharField(blank=True, max_length=60)),
                ('acknowledged', models.BooleanField()),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('error', models.TextField(blank=True)),
                ('duration_ms', models.PositiveIntegerField(null=True)),
                ('at', models.DateTimeField()),
                ('at_is_estimate', models.BooleanField(default=False)),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempt_rows', to='webhooks.delivery')),
                ('next_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['delivery', 'at', 'id'], name='attempts_of_delivery'), models.Index(fields=['workspace', '-at', '-id'], name='attempts_by_time')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'upstream_id'), name='one_row_an_attempt')],
            },
        ),
        migrations.CreateModel(
            name='EndpointCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('check_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('url', models.TextField()),
                ('steps', models.JSONField(default=list)),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('finished_at', models.DateTimeField(null=True)),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='endpoint_checks', to='workspaces.workspace')),
                ('leased_until', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-created_at'], name='endpoint_checks_newest'), models.Index(condition=models.Q(('finished_at', None)), fields=['created_at'], name='endpoint_checks_open')],
            },
        ),
        migrations.CreateModel(
            name='DeliveryGap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('after', models.DateTimeField()),
                ('before', models.DateTimeField()),
                ('detected_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='delivery_gaps', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'before'), name='one_delivery_gap')],
            },
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=255)),
                ('last_attempt_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-last_attempt_at'], name='endpoints_latest')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'host'), name='one_row_an_endpoint')],
            },
        ),
        migrations.CreateModel(
            name='EndpointHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=255)),
                ('hour', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('count', models.PositiveIntegerField()),
                ('histogram', models.JSONField(default=dict)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'host', 'hour', 'reason'), name='one_endpoint_hour')],
            },
        ),
        migrations.CreateModel(
            name='Feed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wants_workflow_ids', models.BooleanField(default=False)),
                ('refusal', models.TextField(blank=True)),
                ('read_until', models.DateTimeField(null=True)),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='delivery_feed', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='EndpointDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=255)),
                ('reason', models.CharField(blank=True, max_length=30)),
                ('count', models.PositiveIntegerField()),
                ('histogram', models.JSONField(default=dict)),
                ('day', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'host', 'day', 'reason'), name='one_endpoint_day')],
            },
        ),
    ]
