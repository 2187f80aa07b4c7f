from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditevent',
            name='action',
            field=models.CharField(choices=[('workspace:connected', 'Workspace connected'), ('workspace:changed', 'Workspace changed'), ('workspace:removed', 'Workspace removed'), ('credential:api_key_replaced', 'API key credential replaced'), ('credential:api_key_removed', 'API key credential removed'), ('credential:session_replaced', 'Management session replaced'), ('credential:session_removed', 'Management session removed'), ('credential:rejected', 'Credential rejected by upstream'), ('key:created', 'API key created'), ('key:revoked', 'API key revoked'), ('key:all_revoked', 'All API keys revoked'), ('key:secret_seen', 'Secret of a new API key shown'), ('alert_rule:created', 'Alert rule created'), ('alert_rule:changed', 'Alert rule changed'), ('alert_rule:removed', 'Alert rule removed'), ('alert:acknowledged', 'Alert acknowledged'), ('alert:snoozed', 'Alert snoozed'), ('alert:woken', 'Snooze ended'), ('alert:test_sent', 'Test e-mail sent'), ('alert_recipient:changed', 'Recipient of alerts changed'), ('alert_recipient:unsubscribed', 'Recipient unsubscribed'), ('mirror:refreshed', 'Mirror refreshed by hand')], max_length=40),
        ),
    ]
