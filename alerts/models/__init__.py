from alerts.models.alert import Alert, Transition
from alerts.models.evaluation import Evaluation, SendingTurn
from alerts.models.notification import Attempt, Notification
from alerts.models.recipient import QuietHours, Recipient, Stream
from alerts.models.rule import Rule, Severity, Snooze

__all__ = [
    "Alert",
    "Attempt",
    "Evaluation",
    "Notification",
    "QuietHours",
    "Recipient",
    "Rule",
    "SendingTurn",
    "Severity",
    "Snooze",
    "Stream",
    "Transition",
]
