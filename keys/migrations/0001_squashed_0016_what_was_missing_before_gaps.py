"""What 0001 to 0016 make of an empty database, in one step. They stay for who has begun with them."""

import uuid
from importlib import import_module

import django.db.models.deletion
import core.clock
from django.conf import settings
from django.db import migrations, models

by_month = import_module("keys.migrations.0007_log_by_month").by_month


class Migration(migrations.Migration):

    replaces = [
        ('keys', '0001_initial'),
        ('keys', '0002_creation_seen_at'),
        ('keys', '0003_log_indexes'),
        ('keys', '0004_capture'),
        ('keys', '0005_rollups'),
        ('keys', '0006_log_values'),
        ('keys', '0007_log_by_month'),
        ('keys', '0008_revoke_begun'),
        ('keys', '0009_addresses_sent'),
        ('keys', '0010_canonical_addresses'),
        ('keys', '0011_counter_restarts'),
        ('keys', '0012_row_by_id_and_time'),
        ('keys', '0013_database_clock'),
        ('keys', '0014_estimated_gaps'),
        ('keys', '0015_addresses_without_ports'),
        ('keys', '0016_what_was_missing_before_gaps'),
    ]

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('key_id', models.UUIDField()),
                ('upstream_id', models.CharField(max_length=200)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('prefix', models.CharField(blank=True, max_length=16)),
                ('last4', models.CharField(blank=True, max_length=8)),
                ('created_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('request_count', models.BigIntegerField(null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('in_full', models.BooleanField(default=True)),
                ('owner', models.CharField(blank=True, max_length=320)),
                ('first_seen_at', models.DateTimeField()),
                ('read_at', models.DateTimeField()),
                ('gone_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('secret_state', models.CharField(choices=[('not_ours', 'Not created here'), ('unseen', 'Never shown'), ('seen', 'Shown'), ('dismissed', 'Kept without its secret having been seen here')], default='not_ours', max_length=10)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='workspaces.workspace')),
                ('captured_since', models.DateTimeField(null=True)),
                ('captured_count', models.BigIntegerField(default=0)),
                ('count_before', models.BigIntegerField(null=True)),
                ('missed_count', models.BigIntegerField(default=0)),
                ('kept_from', models.DateTimeField(null=True)),
                ('revoke_begun_at', models.DateTimeField(null=True)),
                ('revoke_begun_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('settled_count', models.BigIntegerField(null=True)),
                ('count_restarted_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'key_id'], name='key_by_public_id')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'upstream_id'), name='one_row_a_key')],
            },
        ),
        migrations.CreateModel(
            name='KeyCreation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('form_id', models.UUIDField(default=uuid.uuid4)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('expires_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(default=core.clock.cached_now)),
                ('state', models.CharField(choices=[('sent', 'Sent'), ('succeeded', 'Succeeded'), ('refused', 'Refused'), ('unknown', 'Answer lost'), ('unseen', 'Answer lost, but the key was created'), ('nothing', 'Answer lost, nothing was created')], default='sent', max_length=10)),
                ('known_ids', models.JSONField(default=list)),
                ('prefix', models.CharField(blank=True, max_length=16)),
                ('last4', models.CharField(blank=True, max_length=8)),
                ('key', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='creation', to='keys.apikey')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='key_creations', to='workspaces.workspace')),
                ('seen_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'form_id'), name='one_creation_a_form')],
            },
        ),
        migrations.CreateModel(
            name='LoggedRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('upstream_id', models.CharField(max_length=200)),
                ('method', models.CharField(max_length=16)),
                ('path', models.TextField()),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('duration_ms', models.PositiveIntegerField(null=True)),
                ('ip_address', models.CharField(blank=True, max_length=64)),
                ('user_agent', models.TextField(blank=True)),
                ('created_at', models.DateTimeField()),
                ('is_own_call', models.BooleanField(default=False)),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='keys.apikey')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
                ('ip_address_sent', models.CharField(max_length=64, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['key', '-created_at', '-id'], name='log_of_key'), models.Index(fields=['key', 'status_code', '-created_at', '-id'], name='log_of_key_by_status'), models.Index(fields=['workspace', '-created_at', '-id'], name='log_of_workspace'), models.Index(fields=['workspace', 'status_code', '-created_at', '-id'], name='log_of_workspace_by_status'), models.Index(fields=['workspace', 'ip_address', '-created_at', '-id'], name='log_by_ip')],
                'constraints': [models.UniqueConstraint(fields=('key', 'upstream_id', 'created_at'), name='one_row_a_request')],
            },
        ),
        migrations.CreateModel(
            name='LogGap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('after', models.DateTimeField()),
                ('before', models.DateTimeField()),
                ('size', models.PositiveBigIntegerField(null=True)),
                ('detected_at', models.DateTimeField()),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gaps', to='keys.apikey')),
                ('is_estimate', models.BooleanField(db_default=False, default=False)),
                ('missing_before', models.PositiveBigIntegerField(db_default=0, default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['key', 'before'], name='gap_of_key')],
            },
        ),
        migrations.CreateModel(
            name='KeyTraffic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('endpoint', models.CharField(max_length=200)),
                ('status_class', models.PositiveSmallIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('histogram', models.JSONField(default=dict)),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='traffic', to='keys.apikey')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('key', 'endpoint', 'hour', 'status_class'), name='one_cell_of_key')],
            },
        ),
        migrations.CreateModel(
            name='WorkspaceTraffic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('endpoint', models.CharField(max_length=200)),
                ('status_class', models.PositiveSmallIntegerField()),
                ('count', models.PositiveIntegerField()),
                ('histogram', models.JSONField(default=dict)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='traffic', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'endpoint', 'hour', 'status_class'), name='one_cell_of_workspace')],
            },
        ),
        migrations.CreateModel(
            name='KeyEndpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=200)),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='keys.apikey')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('key', 'path'), name='one_endpoint_of_key')],
            },
        ),
        migrations.CreateModel(
            name='LogValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('path', 'Path'), ('beginning', 'Beginning of paths with an id or a query'), ('user_agent', 'User agent'), ('ip_address', 'IP address'), ('method', 'Method'), ('status_code', 'Status')], max_length=12)),
                ('is_own_call', models.BooleanField()),
                ('fingerprint', models.BigIntegerField()),
                ('value', models.TextField(blank=True)),
                ('count', models.BigIntegerField()),
                ('first_seen_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='log_values', to='keys.apikey')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'kind'], name='values_of_workspace')],
                'constraints': [models.UniqueConstraint(fields=('key', 'kind', 'is_own_call', 'fingerprint'), name='one_value_of_key')],
            },
        ),
        migrations.RunPython(by_month, migrations.RunPython.noop),  # PostgreSQL's partitions
    ]
