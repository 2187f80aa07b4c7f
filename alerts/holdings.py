"""What a person holds here by access to a workspace: e-mails to them, and their address in rules."""

from collections.abc import Iterable, Sequence

from alerts.models import Alert, Notification, Recipient, Rule
from alerts.services.notifications import alerted_addresses
from core import clock
from workspaces.models import Role
from workspaces.rights import Holding, Loss, register

WAITING = (Notification.State.QUEUED, Notification.State.HELD)


def _recipients(loss: Loss) -> Iterable[Recipient]:
    if loss.spares(Role.VIEWER):
        return []
    rows = Recipient.objects.subscribed().filter(address__iexact=loss.user.email).select_related("workspace")
    found = list(rows.filter(workspace=loss.workspace) if loss.workspace else rows)
    alerted = alerted_addresses({row.workspace_id for row in found})
    told_lately = Notification.objects.filter(state__in=WAITING) | Notification.objects.firing_emails().filter(
        alert__in=Alert.objects.open()
    )
    followed = set(told_lately.filter(recipient__in=found).values_list("recipient", flat=True))
    for row in found:
        row.gets_alerts = row.pk in followed or row.is_alerted(alerted[row.workspace_id])
    return found


def _emails(row: Recipient) -> str:
    """Name what goes there; nothing for an address that gets none, which is marked as having left all the same."""
    gets = ["alerts"] if row.gets_alerts else []
    if row.gets_summary:
        gets.append(f"a summary {row.get_summary_display().lower().replace('monday', 'Monday')}")
    return " and ".join(gets)


def _stop(loss: Loss, rows: Sequence[Recipient]) -> None:
    """End the summary and drop what waits to be sent. Alerts that they may still get are sent again."""
    theirs = Recipient.objects.filter(pk__in=[row.pk for row in rows])
    theirs.update(summary=Recipient.Summary.NONE, left_at=clock.now())
    waiting = Notification.objects.filter(recipient__in=theirs, state__in=WAITING)
    waiting.update(state=Notification.State.DROPPED, answer=f"Not sent: {loss.why}.")


def _rules(loss: Loss) -> Iterable[Rule]:
    if loss.spares(Role.VIEWER):
        return []
    rows = Rule.objects.exclude(addresses=[]).select_related("workspace").order_by("pk")
    return [rule for rule in (rows.filter(workspace=loss.workspace) if loss.workspace else rows) if _names(rule, loss)]


def _names(rule: Rule, loss: Loss) -> bool:
    return loss.user.email.lower() in (address.lower() for address in rule.addresses)


def _take_off(loss: Loss, rows: Sequence[Rule]) -> None:
    """Remove the address from each rule; a rule without any recipient notifies the owners."""
    for rule in rows:
        rule.addresses = [address for address in rule.addresses if address.lower() != loss.user.email.lower()]
        rule.to_owners = rule.to_owners or not rule.addresses
        rule.save(update_fields=["addresses", "to_owners"])


register(
    Holding(
        "emails",
        "Summaries and alerts are no longer sent to this address",
        _recipients,
        _stop,
        _emails,
    ),
    Holding(
        "rules",
        "Alert rules no longer name this address; owners are notified where no one else is",
        _rules,
        _take_off,
        lambda row: row.name,
    ),
)
