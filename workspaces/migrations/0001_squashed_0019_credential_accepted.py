"""What 0001 to 0019 make of an empty database, in one step. They stay for who has begun with them."""

import django.db.models.deletion
import django.utils.timezone
import core.clock
import workspaces.models.invitation
import workspaces.models.user
import core.encryption
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('workspaces', '0001_initial'),
        ('workspaces', '0002_alert_actions'),
        ('workspaces', '0003_people'),
        ('workspaces', '0004_audit_retention'),
        ('workspaces', '0005_request_log_exported'),
        ('workspaces', '0006_actions_of_webhooks'),
        ('workspaces', '0007_account_mail'),
        ('workspaces', '0008_hash_session_keys'),
        ('workspaces', '0009_odd_records'),
        ('workspaces', '0010_credential_trust'),
        ('workspaces', '0011_actions_of_balance'),
        ('workspaces', '0012_invitations_queued'),
        ('workspaces', '0013_heartbeats'),
        ('workspaces', '0014_actions_of_budgets'),
        ('workspaces', '0015_session_limits'),
        ('workspaces', '0016_database_clock'),
        ('workspaces', '0017_pausing'),
        ('workspaces', '0018_dates_by_database_clock'),
        ('workspaces', '0019_credential_accepted'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditHead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('count', models.BigIntegerField(default=0)),
                ('last_hash', models.CharField(blank=True, max_length=64)),
                ('seal', models.CharField(blank=True, max_length=64)),
                ('cut_count', models.BigIntegerField(default=0)),
                ('cut_hash', models.CharField(blank=True, max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('name', models.CharField(blank=True, max_length=120)),
                ('time_zone', models.CharField(blank=True, max_length=64, validators=[workspaces.models.user.validate_time_zone])),
                ('is_active', models.BooleanField(default=True)),
                ('is_staff', models.BooleanField(default=False)),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('slug', models.SlugField(max_length=80, unique=True)),
                ('base_url', models.URLField(verbose_name='API address')),
                ('api_key', core.encryption.EncryptedField(editable=False, null=True)),
                ('api_key_prefix', models.CharField(blank=True, max_length=10)),
                ('api_key_last4', models.CharField(blank=True, max_length=4)),
                ('api_key_rejected_at', models.DateTimeField(null=True)),
                ('api_key_rejection', models.TextField(blank=True)),
                ('organization_id', models.CharField(blank=True, max_length=200)),
                ('organization_name', models.CharField(blank=True, max_length=200)),
                ('tier', models.CharField(blank=True, max_length=80)),
                ('features', models.JSONField(default=list)),
                ('scopes', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('requires_mfa', models.BooleanField(default=False)),
                ('api_key_doubted_at', models.DateTimeField(null=True)),
                ('api_key_probe_at', models.DateTimeField(null=True)),
                ('paused_at', models.DateTimeField(null=True)),
                ('api_key_accepted_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('owner', 'Owner')], default='viewer', max_length=16)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'workspace'), name='one_membership_each')],
            },
        ),
        migrations.CreateModel(
            name='ManagementSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('pasted', 'Pasted session token'), ('clerk', 'Stored Clerk client session')], max_length=8)),
                ('token', core.encryption.EncryptedField(editable=False, null=True)),
                ('token_expires_at', models.DateTimeField(null=True)),
                ('frontend_api_url', models.URLField(blank=True, verbose_name='Clerk front-end API')),
                ('session_id', models.CharField(blank=True, max_length=200)),
                ('client_token', core.encryption.EncryptedField(editable=False, null=True)),
                ('user_id', models.CharField(blank=True, max_length=200)),
                ('user_email', models.CharField(blank=True, max_length=320)),
                ('updated_at', models.DateTimeField(default=core.clock.cached_now)),
                ('rejected_at', models.DateTimeField(null=True)),
                ('rejection', models.TextField(blank=True)),
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='session', to='workspaces.workspace')),
                ('doubted_at', models.DateTimeField(null=True)),
                ('probe_at', models.DateTimeField(null=True)),
                ('accepted_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, default=core.clock.cached_now)),
                ('workspace_name', models.CharField(blank=True, max_length=80)),
                ('actor_email', models.CharField(blank=True, max_length=254)),
                ('action', models.CharField(choices=[('workspace:connected', 'Workspace connected'), ('workspace:changed', 'Workspace changed'), ('workspace:removed', 'Workspace removed'), ('credential:api_key_replaced', 'API key credential replaced'), ('credential:api_key_removed', 'API key credential removed'), ('credential:session_replaced', 'Management session replaced'), ('credential:session_removed', 'Management session removed'), ('credential:rejected', 'Credential rejected by upstream'), ('credential:accepted', 'Credential accepted by upstream again'), ('key:created', 'API key created'), ('key:revoked', 'API key revoked'), ('key:all_revoked', 'All API keys revoked'), ('key:secret_seen', 'Secret of a new API key shown'), ('alert_rule:created', 'Alert rule created'), ('alert_rule:changed', 'Alert rule changed'), ('alert_rule:removed', 'Alert rule removed'), ('alert:acknowledged', 'Alert acknowledged'), ('alert:snoozed', 'Alert snoozed'), ('alert:woken', 'Snooze ended'), ('alert:test_sent', 'Test e-mail sent'), ('alert_recipient:changed', 'Recipient of alerts changed'), ('alert_recipient:unsubscribed', 'Recipient unsubscribed'), ('balance:marked', 'Change of the balance explained'), ('balance:unmarked', 'Explanation of a change taken back'), ('balance:imported', 'History of the balance imported'), ('balance:import_undone', 'Import of the balance undone'), ('budget:set', 'Budget set'), ('budget:changed', 'Budget changed'), ('budget:removed', 'Budget removed'), ('mirror:refreshed', 'Mirror refreshed by hand'), ('workspace:polling_paused', 'Polling paused'), ('workspace:polling_resumed', 'Polling resumed'), ('workspace:mfa_required', 'Second factor made a condition'), ('workspace:mfa_not_required', 'Second factor no longer a condition'), ('invitation:sent', 'Invitation sent'), ('invitation:accepted', 'Invitation accepted'), ('invitation:revoked', 'Invitation revoked'), ('member:role_changed', 'Role changed'), ('member:removed', 'Member removed'), ('person:signed_in', 'Signed in'), ('person:sign_in_failed', 'Sign-in failed'), ('person:signed_out', 'Signed out'), ('person:session_ended', 'Session ended from afar'), ('session_limits:changed', 'Session limits changed'), ('person:confirmed', 'Confirmed who they are'), ('person:confirmation_failed', 'Confirmation failed'), ('person:password_changed', 'Password changed'), ('person:password_reset', 'Password reset by e-mail'), ('person:totp_added', 'Authenticator app added'), ('person:totp_removed', 'Authenticator app removed'), ('person:passkey_added', 'Passkey added'), ('person:passkey_removed', 'Passkey removed'), ('person:recovery_codes_made', 'Recovery codes made'), ('person:recovery_codes_shown', 'Recovery codes shown'), ('person:recovery_codes_removed', 'Recovery codes removed'), ('person:sso_linked', 'Single sign-on linked'), ('person:sso_unlinked', 'Single sign-on unlinked'), ('person:enrolment_proved', 'First second factor allowed by a link in an e-mail'), ('person:account_opened', 'Account opened'), ('person:deactivated', 'Account deactivated'), ('person:reactivated', 'Account reactivated'), ('person:mfa_reset', 'Second factors reset by a site admin'), ('audit:exported', 'Audit trail exported'), ('request_log:exported', 'Request log exported'), ('webhook_delivery:exported', 'Webhook deliveries exported'), ('workflow:followed', 'Workflow looked up and followed'), ('workflow:results_revealed', 'Contact data of a result shown'), ('workflow:results_exported', 'Result of a workflow downloaded'), ('webhook_endpoint:checked', 'Webhook endpoint checked'), ('redelivery:started', 'Redelivery started'), ('redelivery:paused', 'Redelivery paused'), ('redelivery:resumed', 'Redelivery resumed'), ('redelivery:cancelled', 'Redelivery cancelled'), ('redelivery:finished', 'Redelivery finished'), ('support_bundle:made', 'Support bundle made'), ('audit:pruned', 'Old audit events cut off'), ('credential:resealed', 'Stored secrets sealed with another key')], max_length=40)),
                ('outcome', models.CharField(choices=[('succeeded', 'Succeeded'), ('refused', 'Refused'), ('failed', 'Failed'), ('unknown', 'Unknown')], max_length=10)),
                ('subject_id', models.CharField(blank=True, max_length=200)),
                ('subject', models.CharField(blank=True, max_length=300)),
                ('message', models.TextField(blank=True)),
                ('details', models.JSONField(default=dict)),
                ('ip_address', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=300)),
                ('request_id', models.CharField(blank=True, max_length=64)),
                ('previous_hash', models.CharField(blank=True, editable=False, max_length=64)),
                ('hash', models.CharField(editable=False, max_length=64)),
                ('actor', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', '-id'], name='audit_by_workspace')],
            },
        ),
        migrations.CreateModel(
            name='Poll',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(max_length=40)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('interval_seconds', models.PositiveIntegerField()),
                ('next_run_at', models.DateTimeField(default=core.clock.cached_now)),
                ('leased_until', models.DateTimeField(null=True)),
                ('last_attempt_at', models.DateTimeField(null=True)),
                ('last_success_at', models.DateTimeField(null=True)),
                ('consecutive_failures', models.PositiveIntegerField(default=0)),
                ('last_error', models.TextField(blank=True)),
                ('last_error_kind', models.CharField(blank=True, max_length=60)),
                ('last_request_id', models.CharField(blank=True, max_length=200)),
                ('paused_reason', models.TextField(blank=True)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='polls', to='workspaces.workspace')),
                ('odd_count', models.PositiveIntegerField(default=0)),
                ('odd_example', models.TextField(blank=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('paused_reason', '')), fields=['next_run_at'], name='poll_due')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'resource', 'subject'), name='one_poll_each')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('owner', 'Owner')], default='viewer', max_length=16)),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(default=workspaces.models.invitation.expiry_from_now)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='workspaces.workspace')),
                ('mail_problem', models.CharField(blank=True, max_length=200)),
                ('by_console', models.BooleanField(db_default=False, default=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('workspace', 'email'), name='one_pending_invitation_each')],
            },
        ),
        migrations.CreateModel(
            name='AccountMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('template', models.CharField(max_length=100)),
                ('address', models.CharField(max_length=254)),
                ('facts', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=core.clock.cached_now)),
                ('next_attempt_at', models.DateTimeField(db_index=True, default=core.clock.cached_now)),
                ('attempt_count', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('clock', 'Clock'), ('worker', 'Worker'), ('queue', 'Queue'), ('probe', 'Probe')], max_length=10)),
                ('name', models.CharField(max_length=200)),
                ('beat_at', models.DateTimeField()),
                ('queues', models.TextField(blank=True)),
                ('is_busy', models.BooleanField(default=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('kind', 'name'), name='one_heartbeat_each')],
            },
        ),
        migrations.CreateModel(
            name='SessionLimits',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('idle_minutes', models.PositiveIntegerField()),
                ('hours', models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='workspace',
            name='members',
            field=models.ManyToManyField(related_name='workspaces', through='workspaces.Membership', to=settings.AUTH_USER_MODEL),
        ),
    ]
