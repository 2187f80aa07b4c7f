"""Writes what is to be sent into the outbox, in the transaction of what it tells of. Nothing here sends."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from alerts.models import Alert, Notification, QuietHours, Recipient, Rule, Severity
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


def outsiders(workspace: Workspace, addresses: Iterable[str]) -> set[str]:
    """Return those of ``addresses`` by which nobody signs in who may read ``workspace``."""
    members = User.objects.filter(Q(memberships__workspace=workspace) | Q(is_superuser=True), is_active=True)
    known = {email.lower() for email in members.values_list("email", flat=True)}
    return {address.lower() for address in addresses} - known


def recipients_for(workspace: Workspace, addresses: Iterable[str]) -> dict[str, Recipient]:
    """Return the recipient of each address, made where it was not known yet."""
    wanted = list(addresses)
    rows = Recipient.objects.filter(workspace=workspace, address__in=wanted)
    known = {row.address: row for row in rows}
    if missing := [address for address in wanted if address not in known]:
        new = [Recipient(workspace=workspace, address=address) for address in missing]
        Recipient.objects.bulk_create(new, ignore_conflicts=True)
        known = {row.address: row for row in rows.all()}
    return known


def dispatch_soon() -> None:
    """Have the outbox looked at as soon as what was written is committed; the beat looks there anyway."""
    from alerts.tasks import nudge_outbox  # noqa: PLC0415 - tasks import services

    transaction.on_commit(nudge_outbox)


@dataclass(frozen=True)
class Message:
    """What is to be told of an alert: that it fires or still does, or, where ``kind`` is RESOLVED, that it is over.

    ``headline`` and ``facts`` say how things are when it is over.
    """

    kind: Notification.Kind
    alert: Alert
    rule: Rule
    headline: str = ""
    facts: list[list[str]] = field(default_factory=list)


class Outbox:
    """The notifications of one evaluation of one workspace, from messages in the order of their alerts: worst first.

    Of the alerts only those that are new are stored yet: the others are still open for the database.
    """

    def __init__(self, workspace: Workspace, now: datetime, messages: Sequence[Message]) -> None:
        self.workspace, self.now, self.messages = workspace, now, messages
        self.rows: list[Notification] = []
        self._told: list[Notification] = []
        self._over: set[int] = set()
        self._resolved: set[tuple[str, str, int]] = set()

    def write(self) -> None:
        """Store what is due, in a number of queries that does not grow with the messages."""
        if not self.messages:
            return
        self._drop_what_waits()
        self._told = self._load_told()
        recipients = self._load_recipients()
        for message in self.messages:
            if message.kind == Kind.RESOLVED:
                self._tell_resolved(message)
            else:
                wanted = addresses_of(message.rule, self._owners)
                self._tell(message, [recipients[address] for address in wanted])
        Notification.objects.bulk_create(self.rows)

    def flush(self) -> None:
        """Have what was written sent once it is committed."""
        if self.rows:
            dispatch_soon()

    def _tell(self, message: Message, recipients: Iterable[Recipient]) -> None:
        """Write to everyone whom no worse alert of the same kind and subject has told already."""
        covered = {row.recipient_id for row in self._family(message.alert) if self._is_worse(row, message.alert)}
        threads = self._threads(message.alert)
        extra: dict[str, object] = {"repeat_seconds": message.rule.repeat_seconds, "rule_id": message.rule.pk}
        for recipient in recipients:
            if recipient.pk not in covered and recipient.unsubscribed_at is None:
                self._add(message, recipient, extra, threads)

    def _tell_resolved(self, message: Message) -> None:
        """Write once that it is over to everyone who was told that it began, in the same thread.

        Of several alerts of one kind and subject that end together only the worst says so: it is one recovery.
        """
        alert = message.alert
        told = [row.recipient for row in self._family(alert) if row.alert_id == alert.pk]
        recipients = {recipient.pk: recipient for recipient in told if recipient.unsubscribed_at is None}
        threads = self._threads(alert)
        self._over.add(alert.pk)
        if not recipients:
            return
        alert.notifications_sent += 1
        extra: dict[str, object] = {
            "now": message.headline,
            "facts": message.facts,
            "lasted_seconds": round(alert.lasted.total_seconds()),
        }
        for recipient in recipients.values():
            place = (alert.kind, alert.subject, recipient.pk)
            if place not in self._resolved:
                self._resolved.add(place)
                self._add(message, recipient, extra, threads)

    def _drop_what_waits(self) -> None:
        """Forget e-mails that quiet hours held back and that are not true any more."""
        over = [message.alert.pk for message in self.messages if message.kind == Kind.RESOLVED]
        waiting = Notification.objects.filter(alert__in=over, state=Notification.State.QUEUED, attempt_count=0)
        held = [row.pk for row in waiting if row.is_held_back] if over else []
        if held:
            Notification.objects.filter(pk__in=held, attempt_count=0).update(
                state=Notification.State.DROPPED, answer="It was over before the quiet hours were."
            )

    def _load_told(self) -> list[Notification]:
        """Return what was told of the open alerts of the kinds and subjects at hand, oldest first."""
        kinds = {message.alert.kind for message in self.messages}
        subjects = {message.alert.subject for message in self.messages}
        told = Notification.objects.told().filter(
            alert__in=Alert.objects.open().filter(workspace=self.workspace, kind__in=kinds, subject__in=subjects)
        )
        return list(told.select_related("alert", "recipient").order_by("pk"))

    def _load_recipients(self) -> dict[str, Recipient]:
        telling = [message.rule for message in self.messages if message.kind != Kind.RESOLVED]
        wanted = [address for rule in telling for address in addresses_of(rule, self._owners)]
        return recipients_for(self.workspace, dict.fromkeys(wanted)) if wanted else {}

    @cached_property
    def _owners(self) -> list[str]:
        return owners_of(self.workspace)

    @cached_property
    def _quiet_until(self) -> datetime | None:
        quiet = QuietHours.objects.filter(workspace=self.workspace).first()
        return quiet.over_at(self.now) if quiet else None

    def _family(self, alert: Alert) -> list[Notification]:
        """Return what was told of alerts of the same kind and subject that are open, or end just now."""
        written = [row for row in self.rows if row.kind != Kind.RESOLVED]
        return [
            row
            for row in (*self._told, *written)
            if row.alert and (row.alert.kind, row.alert.subject) == (alert.kind, alert.subject)
        ]

    def _is_worse(self, row: Notification, alert: Alert) -> bool:
        told = row.alert
        return told is not None and told.gravity > alert.gravity and told.pk not in self._over

    def _threads(self, alert: Alert) -> dict[int, tuple[str, str]]:
        """Return for each recipient the thread's first and latest message."""
        threads: dict[int, tuple[str, str]] = {}
        for row in self._family(alert):
            first = threads.get(row.recipient_id, (row.thread_id, ""))[0]
            threads[row.recipient_id] = (first, row.message_id)
        return threads

    def _add(
        self,
        message: Message,
        recipient: Recipient,
        extra: dict[str, object],
        threads: dict[int, tuple[str, str]],
    ) -> None:
        alert = message.alert
        message_id = new_message_id(f"alert-{alert.pk}-{alert.notifications_sent}")
        thread_id, in_reply_to = threads.get(recipient.pk, (message_id, ""))
        loud = alert.level == Severity.CRITICAL or self._quiet_until is None
        self.rows.append(
            Notification(
                key=f"alert:{alert.pk}:{alert.notifications_sent}:{recipient.pk}",
                workspace=self.workspace,
                recipient=recipient,
                alert=alert,
                kind=message.kind,
                payload={**payload_of(alert), **extra},
                message_id=message_id,
                thread_id=thread_id,
                in_reply_to=in_reply_to,
                created_at=self.now,
                next_attempt_at=self.now if loud or self._quiet_until is None else self._quiet_until,
            )
        )


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
