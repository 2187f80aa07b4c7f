"""Writes what is to be sent into the outbox, in the transaction of what it tells of. Nothing here sends."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from alerts.models import Alert, Notification, QuietHours, Recipient, Rule, Severity
from alerts.models.notification import NotificationQuerySet
from workspaces.models import Role, User, Workspace

Kind = Notification.Kind


def new_message_id(what: str) -> str:
    """Return a Message-ID; it is fixed with the notification and stays the same however often that is tried."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return f"<{what}.{secrets.token_hex(10)}@{host}>"


def addresses_of(rule: Rule, owners: Iterable[str]) -> list[str]:
    """Return who is to be told, each address once."""
    wanted = [*(owners if rule.to_owners else ()), *rule.addresses]
    return list(dict.fromkeys(address.strip().lower() for address in wanted))


def owners_of(workspace: Workspace) -> list[str]:
    """Return the addresses of the workspace's owners; of the site admins where it has none."""
    people = User.objects.filter(is_active=True)
    owners = people.filter(memberships__workspace=workspace, memberships__role=Role.OWNER).order_by("pk")
    found = list(owners.values_list("email", flat=True))
    return found or list(people.filter(is_superuser=True).order_by("pk").values_list("email", flat=True))


def recipients_for(workspace: Workspace, addresses: Iterable[str]) -> dict[str, Recipient]:
    """Return the recipient of each address, made where it was not known yet."""
    wanted = list(addresses)
    Recipient.objects.bulk_create(
        [Recipient(workspace=workspace, address=address) for address in wanted], ignore_conflicts=True
    )
    return {row.address: row for row in Recipient.objects.filter(workspace=workspace, address__in=wanted)}


def dispatch_soon() -> None:
    """Have the outbox looked at as soon as what was written is committed; the beat looks there anyway."""
    from alerts.tasks import nudge_outbox  # noqa: PLC0415 - tasks import services

    transaction.on_commit(nudge_outbox)


class Outbox:
    """The notifications of one evaluation of one workspace."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self.rows: list[Notification] = []
        self._resolved: set[tuple[str, str, int]] = set()
        self._closed: list[int] = []

    def tell(self, alert: Alert, rule: Rule, kind: Notification.Kind) -> None:
        """Queue an e-mail to everyone whom no worse alert of the same kind and subject has told already."""
        recipients = recipients_for(self.workspace, addresses_of(rule, self._owners))
        covered = set(self._worse(alert).values_list("recipient_id", flat=True))
        threads = self._threads(alert)
        alert.notifications_sent += 1
        alert.notified_at = self.now
        alert.save(update_fields=["notifications_sent", "notified_at"])
        extra: dict[str, object] = {"repeat_seconds": rule.repeat_seconds, "rule_id": rule.pk}
        for recipient in recipients.values():
            if recipient.pk not in covered and recipient.unsubscribed_at is None:
                self._write(alert, recipient, kind, extra, threads)
        self._store()

    def tell_resolved(self, alert: Alert, headline: str, facts: list[list[str]]) -> None:
        """Queue one e-mail that it is over to everyone who was told that it began, in the same thread.

        Of several alerts of one kind and subject that end together only the worst says so: it is one recovery.
        """
        self._drop_what_waits(alert)
        told = alert.notifications.told().select_related("recipient")
        recipients = {row.recipient_id: row.recipient for row in told if row.recipient.unsubscribed_at is None}
        threads = self._threads(alert)
        self._closed.append(alert.pk)
        if not recipients:
            return
        alert.notifications_sent += 1
        alert.save(update_fields=["notifications_sent"])
        extra: dict[str, object] = {
            "now": headline,
            "facts": facts,
            "lasted_seconds": round(alert.lasted.total_seconds()),
        }
        for recipient in recipients.values():
            place = (alert.kind, alert.subject, recipient.pk)
            if place not in self._resolved:
                self._resolved.add(place)
                self._write(alert, recipient, Kind.RESOLVED, extra, threads)
        self._store()

    def flush(self) -> None:
        """Have what was written sent once it is committed."""
        if self.rows:
            dispatch_soon()

    @cached_property
    def _owners(self) -> list[str]:
        return owners_of(self.workspace)

    @cached_property
    def _quiet_until(self) -> datetime | None:
        quiet = QuietHours.objects.filter(workspace=self.workspace).first()
        return quiet.over_at(self.now) if quiet else None

    def _family(self, alert: Alert) -> NotificationQuerySet:
        """Return what was told of open alerts of the same kind and subject, and of those that end just now."""
        same = Alert.objects.filter(workspace=self.workspace, kind=alert.kind, subject=alert.subject)
        ids = [alert.pk, *self._closed, *same.open().values_list("pk", flat=True)]
        return Notification.objects.told().filter(alert__in=ids, alert__kind=alert.kind, alert__subject=alert.subject)

    def _worse(self, alert: Alert) -> NotificationQuerySet:
        worse = [severity for severity in Severity if severity.rank > alert.level.rank]
        return self._family(alert).filter(alert__severity__in=worse, alert__resolved_at__isnull=True)

    def _threads(self, alert: Alert) -> dict[int, tuple[str, str]]:
        """Return for each recipient the thread's first and latest message."""
        threads: dict[int, tuple[str, str]] = {}
        rows = self._family(alert).order_by("pk").values_list("recipient_id", "thread_id", "message_id")
        for recipient_id, thread_id, message_id in rows:
            first = threads.get(recipient_id, (thread_id, ""))[0]
            threads[recipient_id] = (first, message_id)
        return threads

    def _drop_what_waits(self, alert: Alert) -> None:
        """Forget e-mails that quiet hours held back and that are not true any more."""
        waiting = alert.notifications.filter(state=Notification.State.QUEUED, attempt_count=0)
        held = [row.pk for row in waiting if row.is_held_back]
        Notification.objects.filter(pk__in=held, attempt_count=0).update(
            state=Notification.State.DROPPED, answer="It was over before the quiet hours were."
        )

    def _write(
        self,
        alert: Alert,
        recipient: Recipient,
        kind: Notification.Kind,
        extra: dict[str, object],
        threads: dict[int, tuple[str, str]],
    ) -> None:
        message_id = new_message_id(f"alert-{alert.pk}-{alert.notifications_sent}")
        thread_id, in_reply_to = threads.get(recipient.pk, (message_id, ""))
        loud = alert.level == Severity.CRITICAL or self._quiet_until is None
        self.rows.append(
            Notification(
                key=f"alert:{alert.pk}:{alert.notifications_sent}:{recipient.pk}",
                workspace=self.workspace,
                recipient=recipient,
                alert=alert,
                kind=kind,
                payload={**payload_of(alert), **extra},
                message_id=message_id,
                thread_id=thread_id,
                in_reply_to=in_reply_to,
                created_at=self.now,
                next_attempt_at=self.now if loud or self._quiet_until is None else self._quiet_until,
            )
        )

    def _store(self) -> None:
        Notification.objects.bulk_create([row for row in self.rows if row.pk is None])


def payload_of(alert: Alert) -> dict[str, object]:
    """Return everything that an e-mail says of ``alert``, from this one record."""
    return {
        "workspace": alert.workspace.name,
        "slug": alert.workspace.slug,
        "rule": alert.rule_name,
        "condition": alert.condition,
        "severity": alert.severity,
        "kind": alert.kind,
        "headline": alert.headline,
        "subject_label": alert.subject_label,
        "subject_url": alert.subject_url,
        "value": None if alert.value is None else str(alert.value),
        "threshold": None if alert.threshold is None else str(alert.threshold),
        "recovery": None if alert.recovery is None else str(alert.recovery),
        "facts": alert.facts,
        "fired_at": alert.fired_at.isoformat() if alert.fired_at else None,
        "at": alert.evaluated_at.isoformat(),
    }
