"""Writes e-mails to the outbox, in the transaction of the change that they report. Nothing here sends."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from alerts.engine.rule_kinds import family_of, kinds_of_families
from alerts.models import Alert, Notification, QuietHours, Recipient, Rule, Severity, Stream
from core.task_queue import enqueue_on_commit
from workspaces.models import Membership, Role, User, Workspace

Kind, State = Notification.Kind, Notification.State


def new_message_id(what: str) -> str:
    """Return a Message-ID, which stays the same for all attempts to send a notification."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return f"<{what}.{secrets.token_hex(10)}@{host}>"


def addresses_of(rule: Rule, owners: Iterable[str]) -> list[str]:
    """Return the addresses that the rule notifies, each once."""
    wanted = [*(owners if rule.to_owners else ()), *rule.addresses]
    return list(dict.fromkeys(address.strip().lower() for address in wanted))


def owners_of(workspace: Workspace) -> list[str]:
    """Return the addresses of the workspace's owners, or of the site admins if it has none."""
    return owners_in([workspace.pk])[workspace.pk]


def owners_in(workspaces: Iterable[int]) -> dict[int, list[str]]:
    """Return ``owners_of`` each workspace, in two queries at most."""
    found: dict[int, list[str]] = {pk: [] for pk in workspaces}
    owners = Membership.objects.filter(workspace__in=found, role=Role.OWNER, user__is_active=True).order_by("user")
    for pk, address in owners.values_list("workspace", "user__email"):
        found[pk].append(address)
    if not all(found.values()):
        admins = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
        addresses = list(admins.values_list("email", flat=True))
        found = {pk: mine or addresses for pk, mine in found.items()}
    return found


def alerted_addresses(workspaces: Iterable[int]) -> dict[int, set[str]]:
    """Return the addresses that each workspace's rules notify, by its id, in three queries at most."""
    owners = owners_in(workspaces)
    found: dict[int, set[str]] = {pk: set() for pk in owners}
    for rule in Rule.objects.enabled().filter(workspace__in=found):
        found[rule.workspace_id] |= set(addresses_of(rule, owners[rule.workspace_id]))
    return found


def outsiders(workspace: Workspace, addresses: Iterable[str]) -> set[str]:
    """Return those of ``addresses`` that belong to nobody who may read ``workspace``."""
    members = User.objects.filter(Q(memberships__workspace=workspace) | Q(is_superuser=True), is_active=True)
    known = {email.lower() for email in members.values_list("email", flat=True)}
    return {address.lower() for address in addresses} - known


def recipients_for(workspace: Workspace, addresses: Iterable[str]) -> dict[str, Recipient]:
    """Return the recipient of each address, created if there is none."""
    wanted = list(addresses)
    rows = Recipient.objects.filter(workspace=workspace, address__in=wanted)
    known = {row.address: row for row in rows}
    if missing := [address for address in wanted if address not in known]:
        new = [Recipient(workspace=workspace, address=address) for address in missing]
        Recipient.objects.bulk_create(new, ignore_conflicts=True)
        known = {row.address: row for row in rows.all()}
    return known


def send_soon() -> None:
    """Have the outbox sent as soon as the transaction is committed; the beat would send it a little later."""
    enqueue_on_commit("alerts.tasks.send_notifications")


@dataclass(frozen=True)
class AlertMessage:
    """A message about an alert: that it fires or still does, or, if ``kind`` is RESOLVED, that it is over.

    ``headline`` and ``facts`` describe the state at its end. ``edited`` says how a person changed the rule while it
    fired; ``ended`` that they switched it off or removed it, so that nobody knows whether the problem is over.
    """

    kind: Notification.Kind
    alert: Alert
    rule: Rule
    headline: str = ""
    facts: list[list[str]] = field(default_factory=list)
    edited: str = ""
    ended: str = ""


class NotificationWriter:
    """Writes the notifications of one evaluation of one workspace, those of the worst alerts first.

    New alerts are stored already, changes of the others are not: in the database these are still open.
    """

    def __init__(self, workspace: Workspace, now: datetime, messages: Sequence[AlertMessage]) -> None:
        self.workspace, self.now = workspace, now
        self.messages = sorted(messages, key=lambda message: message.alert.severity_rank, reverse=True)
        self.rows: list[Notification] = []
        self._firing_emails: list[Notification] = []
        self._resolved = [message.alert for message in self.messages if message.kind == Kind.RESOLVED]
        self._resolved_keys: set[tuple[str, str, int]] = set()

    def write(self) -> None:
        """Store the notifications, in a number of queries that does not grow with the messages."""
        if not self.messages:
            return
        self._drop_held()
        self._firing_emails = self._load_firing_emails()
        recipients = self._load_recipients()
        for message in self.messages:
            if message.kind == Kind.RESOLVED:
                self._write_resolved(message)
            else:
                wanted = addresses_of(message.rule, self._owners)
                self._write_firing(message, [recipients[address] for address in wanted])
        Notification.objects.bulk_create(self.rows)

    def flush(self) -> None:
        """Have the notifications sent once they are committed."""
        if self.rows:
            send_soon()

    def _write_firing(self, message: AlertMessage, recipients: Iterable[Recipient]) -> None:
        """Write to every recipient whom no worse alert of the same kind and subject has notified already."""
        alert = message.alert
        covered = {row.recipient_id for row in self._related_emails(alert) if self._is_worse(row, alert)}
        covered |= {row.recipient_id for row in self.rows if row.alert_id == alert.pk}
        if not self._is_immediate(alert):
            # A held e-mail is updated when the quiet hours end, so one is enough.
            mine = (row for row in self._firing_emails if row.alert_id == alert.pk)
            covered |= {row.recipient_id for row in mine if row.state == State.HELD}
        threads = self._threads(alert)
        extra = {
            "repeat_seconds": message.rule.repeat_seconds,
            "rule_id": message.rule.pk,
            "edited": message.edited,
        }
        for recipient in recipients:
            if recipient.pk not in covered and recipient.wants(alert.stream):
                self._add(message.kind, alert, recipient, extra, threads)

    def _write_resolved(self, message: AlertMessage) -> None:
        """Write the end, once and in the same thread, to everyone who was notified of the beginning.

        Of several alerts of one family and subject that end together only the worst says so: it is one recovery. If
        another one goes on, the e-mail is about that, so that the last e-mail describes the current state.
        """
        alert = message.alert
        recipients = self._informed_recipients(message)
        if not recipients:
            return
        alert.notifications_sent += 1
        left = [one for one in self._still_firing if _thread_key(one) == _thread_key(alert)]
        resolved = [one for one in self._resolved if _thread_key(one) == _thread_key(alert)]
        extra: dict[str, object] = {
            "now": message.headline,
            "facts": message.facts,
            "lasted_seconds": round(alert.duration.total_seconds()),
            "edited": message.edited,
            "ended": message.ended,
            **({} if message.ended else {"at": self.now.isoformat()}),
            "over": [one.rule_name for one in resolved],
            "also_over": [one.rule_name for one in resolved if one != alert],
            "left": [f"{one.rule_name} ({one.level.label.lower()}): {one.condition}" for one in left],
        }
        threads = self._threads(alert)
        for recipient, stream in recipients:
            key = (*_thread_key(alert), recipient.pk)
            extra = {**extra, "stream": stream.value}
            if key in self._resolved_keys:
                continue
            self._resolved_keys.add(key)
            if left:
                stem = f"eased:{alert.pk}:{alert.notifications_sent}"
                about = {"headline": message.headline, "value": None}
                self._add(Kind.EASED, left[0], recipient, {**extra, **about}, threads, stem)
            else:
                self._add(Kind.RESOLVED, alert, recipient, extra, threads)

    def _informed_recipients(self, message: AlertMessage) -> list[tuple[Recipient, Stream]]:
        """Return who was notified of the beginning and by which stream, which the e-mail about the end uses too.

        Recipients that no rule of the kind names any more, or who have ended the stream, are left out.
        """
        wanted = {*addresses_of(message.rule, self._owners), *self._addresses.get(message.alert.kind, ())}
        known: dict[int, tuple[Recipient, Stream]] = {}
        for row in self._related_emails(message.alert):
            reader, stream = row.recipient, row.stream
            if row.alert_id != message.alert.pk or reader.address not in wanted or not reader.wants(stream):
                continue
            if reader.pk not in known or stream == Stream.CRITICAL:
                known[reader.pk] = reader, stream
        return list(known.values())

    @cached_property
    def _addresses(self) -> dict[str, set[str]]:
        """Return the addresses that the rules of each resolved alert's kind notify; one query."""
        found: dict[str, set[str]] = {}
        kinds = {alert.kind for alert in self._resolved}
        for rule in Rule.objects.enabled().filter(workspace=self.workspace, kind__in=kinds):
            found.setdefault(rule.kind, set()).update(addresses_of(rule, self._owners))
        return found

    @cached_property
    def _still_firing(self) -> list[Alert]:
        """Return the alerts that still fire in the families of the resolved ones, worst first; one query."""
        kinds = kinds_of_families(one.kind for one in self._resolved)
        rows = Alert.objects.current().filter(workspace=self.workspace, kind__in=kinds)
        rows = rows.exclude(pk__in=[one.pk for one in self._resolved]).select_related("workspace")
        return sorted(rows, key=lambda alert: alert.severity_rank, reverse=True)

    def _drop_held(self) -> None:
        """Drop e-mails that quiet hours held back and that are outdated now."""
        resolved = [message.alert.pk for message in self.messages if message.kind == Kind.RESOLVED]
        if resolved:
            Notification.objects.filter(alert__in=resolved, state=State.HELD).update(
                state=State.DROPPED, answer="Resolved before quiet hours ended."
            )

    def _load_firing_emails(self) -> list[Notification]:
        """Return the e-mails about open alerts of these families and subjects, oldest first."""
        kinds = kinds_of_families(message.alert.kind for message in self.messages)
        subjects = {message.alert.subject for message in self.messages}
        firing_emails = Notification.objects.firing_emails().filter(
            alert__in=Alert.objects.open().filter(workspace=self.workspace, kind__in=kinds, subject__in=subjects)
        )
        return list(firing_emails.select_related("alert", "recipient").order_by("pk"))

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

    def _is_immediate(self, alert: Alert) -> bool:
        """Return whether its e-mails go out now: it is critical, or these are no quiet hours."""
        return alert.level == Severity.CRITICAL or self._quiet_until is None

    def _related_emails(self, alert: Alert) -> list[Notification]:
        """Return the e-mails about alerts of the same family and subject that are open or end now."""
        written = [row for row in self.rows if row.kind != Kind.RESOLVED]
        return [
            row
            for row in (*self._firing_emails, *written)
            if row.alert and _thread_key(row.alert) == _thread_key(alert)
        ]

    def _is_worse(self, row: Notification, alert: Alert) -> bool:
        other = row.alert
        if other is None or other.kind != alert.kind:
            return False  # a short runway does not say that the balance is low
        return other.severity_rank > alert.severity_rank and other not in self._resolved

    def _threads(self, alert: Alert) -> dict[int, tuple[str, str]]:
        """Return the thread's first and latest Message-ID for each recipient."""
        threads: dict[int, tuple[str, str]] = {}
        for row in self._related_emails(alert):
            first = threads.get(row.recipient_id, (row.thread_id, ""))[0]
            threads[row.recipient_id] = (first, row.message_id_in_thread)
        return threads

    def _add(  # noqa: PLR0917 - all that a row says
        self,
        kind: Notification.Kind,
        alert: Alert,
        recipient: Recipient,
        extra: Mapping[str, object],
        threads: Mapping[int, tuple[str, str]],
        stem: str = "",
    ) -> None:
        stem = stem or f"alert:{alert.pk}:{alert.notifications_sent}"
        message_id = new_message_id(stem.replace(":", "-"))
        thread_id, in_reply_to = threads.get(recipient.pk, (message_id, ""))
        held_until = None if self._is_immediate(alert) else self._quiet_until
        self.rows.append(
            Notification(
                key=f"{stem}:{recipient.pk}",
                workspace=self.workspace,
                recipient=recipient,
                alert=alert,
                kind=kind,
                payload={**payload_of(alert), **extra},
                message_id=message_id,
                thread_id=thread_id,
                in_reply_to=in_reply_to,
                created_at=self.now,
                state=State.HELD if held_until else State.QUEUED,
                next_attempt_at=held_until or self.now,
            )
        )


def _thread_key(alert: Alert) -> tuple[str, str]:
    """Return what alerts about the same problem have in common; their e-mails share a thread."""
    return family_of(alert.kind), alert.subject


def payload_of(alert: Alert) -> dict[str, object]:
    """Return everything that an e-mail says about ``alert``."""
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
