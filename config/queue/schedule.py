"""When the clock sends which task, in seconds."""

from collections.abc import Mapping

# None of these expires: the worker's clock would decide, and beat's may differ. See ``beat_scheduler``.
SCHEDULE: Mapping[str, Mapping[str, str | float]] = {
    "poll what is due": {"task": "workspaces.tasks.poll_due", "schedule": 1.0},
    "mend the clock": {"task": "workspaces.tasks.mend_clock", "schedule": 60.0},
    "send mail about accounts": {"task": "workspaces.tasks.send_account_mail", "schedule": 5.0},
    "anchor the audit trail": {"task": "workspaces.tasks.log_audit_anchor", "schedule": 3600.0},
    "probe credentials": {"task": "workspaces.tasks.probe_credentials", "schedule": 60.0},
    "prune the request log": {"task": "keys.tasks.prune_requests", "schedule": 3600.0},
    "prune deliveries": {"task": "webhooks.tasks.prune_deliveries", "schedule": 3600.0},
    "prune alerts": {"task": "alerts.tasks.prune_alerts", "schedule": 3600.0},
    "clear sessions": {"task": "workspaces.tasks.clear_sessions", "schedule": 3600.0},
    "check endpoints": {"task": "webhooks.tasks.check_endpoints", "schedule": 5.0},
    "redeliver": {"task": "webhooks.tasks.redeliver", "schedule": 5.0},
    "evaluate rules": {"task": "alerts.tasks.evaluate_rules", "schedule": 5.0},
    "tell the outside": {"task": "config.tasks.ping_outside", "schedule": 60.0},
    "send notifications": {"task": "alerts.tasks.send_notifications", "schedule": 5.0},
}
