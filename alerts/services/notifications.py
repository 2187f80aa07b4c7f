"""Writes what is to be sent into the outbox, in the transaction of what it tells of. Nothing here sends."""

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
from core.nudge import nudge_on_commit
from workspaces.models import Membership, Role, User, Workspace

Kind, State = Notification.Kind, Notification.State


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
    return owners_in([workspace.pk])[workspace.pk]


def owners_in(workspaces: Iterable[int]) -> dict[int, list[str]]:
    """Return of each workspace what ``owners_of`` does, in two queries at most."""
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
    """Return of each workspace, by id, the addresses that its rules tell, in three queries at most."""
    owners = owners_in(workspaces)
    found: dict[int, set[str]] = {pk: set() for pk in owners}
    for rule in Rule.objects.enabled().filter(workspace__in=found):
        found[rule.workspace_id] |= set(addresses_of(rule, owners[rule.workspace_id]))
    return found


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


def send_soon() -> None:
    """Have the outbox looked at as soon as what was written is committed; the beat looks there anyway."""
    nudge_on_commit("alerts.tasks.send_notifications")


@dataclass(frozen=True)
class AlertMessage:
    """What is to be told of an alert: that it fires or still does, or, where ``kind`` is RESOLVED, that it is over.

    ``headline`` and ``facts`` say how things are when it is over. ``edited`` says what a person did to the rule while
    it fired; ``ended`` that they ended it, so that nothing is known of whether it is over.
    """

    kind: Notification.Kind
    alert: Alert
    rule: Rule
    headline: str = ""
    facts: list[list[str]] = field(default_factory=list)
    edited: str = ""
    ended: str = ""


class NotificationWriter:
    """The notifications of one evaluation of one workspace, from messages in the order of their alerts: worst first.

    Of the alerts only those that are new are stored yet: the others are still open for the database.
    """

    def __init__(self, workspace: Workspace, now: datetime, messages: Sequence[AlertMessage]) -> None:
        self.workspace, self.now = workspace, now
        self.messages = sorted(messages, key=lambda message: message.alert.gravity, reverse=True)
        self.rows: list[Notification] = []
        self._told: list[Notification] = []
        self._over = [message.alert for message in self.messages if message.kind == Kind.RESOLVED]
        self._said_over: set[tuple[str, str, int]] = set()

    def write(self) -> None:
        """Store what is due, in a number of queries that does not grow with the messages."""
        if not self.messages:
            return
        self._drop_what_waits()
        self._told = self._load_told()
        recipients = self._load_recipients()
        for message in self.messages:
            if message.kind == Kind.RESOLVED:
                self._tell_over(message)
            else:
                wanted = addresses_of(message.rule, self._owners)
                self._tell(message, [recipients[address] for address in wanted])
        Notification.objects.bulk_create(self.rows)

    def flush(self) -> None:
        """Have what was written sent once it is committed."""
        if self.rows:
            send_soon()

    def _tell(self, message: AlertMessage, recipients: Iterable[Recipient]) -> None:
        """Write to everyone whom no worse alert of the same kind and subject has told already."""
        alert = message.alert
        covered = {row.recipient_id for row in self._family(alert) if self._is_worse(row, alert)}
        covered |= {row.recipient_id for row in self.rows if row.alert_id == alert.pk}
        if not self._is_loud(alert):
            # What is held back says how things are when the quiet is over: once is enough.
            mine = (row for row in self._told if row.alert_id == alert.pk)
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

    def _tell_over(self, message: AlertMessage) -> None:
        """Write once that it is over to everyone who was told that it began, in the same thread.

        Of several alerts of one family and subject that end together only the worst says so: it is one recovery. Where
        another goes on the e-mail is about that, so that who reads it last knows the state.
        """
        alert = message.alert
        recipients = self._who_knows(message)
        if not recipients:
            return
        alert.notifications_sent += 1
        left = [one for one in self._still_firing if _thread_key(one) == _thread_key(alert)]
        over = [one for one in self._over if _thread_key(one) == _thread_key(alert)]
        extra: dict[str, object] = {
            "now": message.headline,
            "facts": message.facts,
            "lasted_seconds": round(alert.duration.total_seconds()),
            "edited": message.edited,
            "ended": message.ended,
            **({} if message.ended else {"at": self.now.isoformat()}),
            "over": [one.rule_name for one in over],
            "also_over": [one.rule_name for one in over if one != alert],
            "left": [f"{one.rule_name} ({one.level.label.lower()}): {one.condition}" for one in left],
        }
        threads = self._threads(alert)
        for recipient, stream in recipients:
            place = (*_thread_key(alert), recipient.pk)
            extra = {**extra, "stream": stream.value}
            if place in self._said_over:
                continue
            self._said_over.add(place)
            if left:
                stem = f"eased:{alert.pk}:{alert.notifications_sent}"
                about = {"headline": message.headline, "value": None}
                self._add(Kind.EASED, left[0], recipient, {**extra, **about}, threads, stem)
            else:
                self._add(Kind.RESOLVED, alert, recipient, extra, threads)

    def _who_knows(self, message: AlertMessage) -> list[tuple[Recipient, Stream]]:
        """Return who was told that it began, and by which stream, which tells them of its end as well.

        Who was taken off every rule of the kind meanwhile, or has ended the stream, hears no more of it.
        """
        wanted = {*addresses_of(message.rule, self._owners), *self._addresses.get(message.alert.kind, ())}
        known: dict[int, tuple[Recipient, Stream]] = {}
        for row in self._family(message.alert):
            reader, stream = row.recipient, row.stream
            if row.alert_id != message.alert.pk or reader.address not in wanted or not reader.wants(stream):
                continue
            if reader.pk not in known or stream == Stream.CRITICAL:
                known[reader.pk] = reader, stream
        return list(known.values())

    @cached_property
    def _addresses(self) -> dict[str, set[str]]:
        """Return of each kind that something is over of whom its rules tell; one query."""
        found: dict[str, set[str]] = {}
        kinds = {alert.kind for alert in self._over}
        for rule in Rule.objects.enabled().filter(workspace=self.workspace, kind__in=kinds):
            found.setdefault(rule.kind, set()).update(addresses_of(rule, self._owners))
        return found

    @cached_property
    def _still_firing(self) -> list[Alert]:
        """Return what goes on of the families of which something is over, worst first; one query."""
        kinds = kinds_of_families(one.kind for one in self._over)
        rows = Alert.objects.current().filter(workspace=self.workspace, kind__in=kinds)
        rows = rows.exclude(pk__in=[one.pk for one in self._over]).select_related("workspace")
        return sorted(rows, key=lambda alert: alert.gravity, reverse=True)

    def _drop_what_waits(self) -> None:
        """Forget e-mails that quiet hours held back and that are not true any more."""
        over = [message.alert.pk for message in self.messages if message.kind == Kind.RESOLVED]
        if over:
            Notification.objects.filter(alert__in=over, state=State.HELD).update(
                state=State.DROPPED, answer="It was over before the quiet hours were."
            )

    def _load_told(self) -> list[Notification]:
        """Return what was told of the open alerts of the families and subjects at hand, oldest first."""
        kinds = kinds_of_families(message.alert.kind for message in self.messages)
        subjects = {message.alert.subject for message in self.messages}
        told = Notification.objects.firing_emails().filter(
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

    def _is_loud(self, alert: Alert) -> bool:
        """Say whether its e-mails go out now, quiet hours or not."""
        return alert.level == Severity.CRITICAL or self._quiet_until is None

    def _family(self, alert: Alert) -> list[Notification]:
        """Return what was told of alerts of the same family and subject that are open, or end just now."""
        written = [row for row in self.rows if row.kind != Kind.RESOLVED]
        return [row for row in (*self._told, *written) if row.alert and _thread_key(row.alert) == _thread_key(alert)]

    def _is_worse(self, row: Notification, alert: Alert) -> bool:
        told = row.alert
        if told is None or told.kind != alert.kind:
            return False  # a short runway does not say that the balance is low
        return told.gravity > alert.gravity and told not in self._over

    def _threads(self, alert: Alert) -> dict[int, tuple[str, str]]:
        """Return for each recipient the thread's first and latest message."""
        threads: dict[int, tuple[str, str]] = {}
        for row in self._family(alert):
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
        held_until = None if self._is_loud(alert) else self._quiet_until
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
    """Return what alerts share that tell of one trouble, and so share a thread."""
    return family_of(alert.kind), alert.subject


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
