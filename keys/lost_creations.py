"""Finds the key that a creation made if the answer was lost or had no id.

The last four characters decide if the answer contained them. Otherwise a new key with the requested name is linked; if
none has appeared after some minutes, the only new key is, whatever its name and date upstream.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q

from core.db.sql import execute_batch
from keys.models import ApiKey, KeyCreation
from keys.models.creation import LONGEST_CALL
from workspaces.models import Workspace

State = KeyCreation.State
# Upstream's clock and the database's may differ by this much.
CLOCK_SKEW = timedelta(minutes=5)
# A key that is still not listed after this time was not created: well above the client's total timeout.
GIVE_UP_AFTER = timedelta(minutes=2)
# For this long, a creation's link to a key, or the finding that it made none, is still corrected.
CORRECTED_WITHIN = timedelta(days=1)
_OPEN = (State.SENT, State.UNKNOWN)
_ANY = "SELECT EXISTS (SELECT 1 FROM keys_keycreation WHERE workspace_id = %s AND (state IN (%s, %s) OR sent_at >= %s))"


def resolve_unknown(workspace: Workspace, read_at: datetime, *, is_complete: bool = True) -> None:
    """Link creations to the keys they made, according to a list read at ``read_at``.

    Only a complete list proves that nothing was created. Call with the workspace's row locked.
    """
    since = read_at - CORRECTED_WITHIN
    states = [state.value for state in _OPEN]
    [[(found,)]] = execute_batch((_ANY, [workspace.pk, *states, connection.ops.adapt_datetimefield_value(since)]))
    if not found:
        return  # the usual case, in SQL because Django takes longer to write the query below
    recent = Q(sent_at__gte=since)
    unlinked = Q(state__in=_OPEN) | (recent & Q(state__in=[State.SUCCEEDED, State.NOTHING_CREATED]))
    misled = recent & ~Q(last4="") & ~Q(key__last4=F("last4"))
    rows = KeyCreation.objects.filter(workspace=workspace).select_related("key", "user").order_by("sent_at", "pk")
    creations = list(rows.filter((Q(key__isnull=True) & unlinked) | (Q(key__isnull=False) & misled)))
    if not creations:
        return
    given_up: list[KeyCreation] = []
    for creation in creations:
        if creation.last4:
            given_up += link_by_ends(creation)
    lost = [creation for creation in [*creations, *given_up] if creation.key is None and not creation.last4]
    _Resolver(workspace, lost, read_at, is_complete=is_complete).settle()


def link_by_ends(creation: KeyCreation) -> list[KeyCreation]:
    """Link an answered creation to the key with its last four; return other creations unlinked from that key."""
    if creation.key is not None and creation.key.last4 != creation.last4:
        _unlink(creation)
    if creation.key is not None:
        return []
    keys = ApiKey.objects.of(creation.workspace).filter(gone_at__isnull=True, last4=creation.last4)
    mine = keys.filter(prefix=creation.prefix).exclude(upstream_id__in=creation.known_ids)
    key = mine.exclude(creation__last4=creation.last4).select_related("creation__user").first()
    if key is None:
        return []
    taken = [key.creation] if hasattr(key, "creation") else []
    for other in taken:
        _unlink(other)
    _link(creation, key)
    return taken


@dataclass
class _Resolver:
    """Searches for the keys of creations that got no answer."""

    workspace: Workspace
    lost: Sequence[KeyCreation]
    read_at: datetime
    is_complete: bool

    def settle(self) -> None:
        """Link creations with a clear match; close those that are known to have made no key."""
        if not self.lost:
            return
        free = ApiKey.objects.of(self.workspace).filter(creation__isnull=True, gone_at__isnull=True, is_active=True)
        new = list(free.order_by(F("created_at").asc(nulls_last=True), "first_seen_at", "pk"))
        # Open creations take precedence over settled ones.
        for creation in sorted(self.lost, key=lambda one: one.state not in _OPEN):
            if not self._may_be_answered(creation):
                self._settle(creation, new)

    def _settle(self, creation: KeyCreation, new: list[ApiKey]) -> None:
        candidates = [key for key in new if _can_have_made(creation, key)]
        key = self._named(creation, candidates) or self._only_one(creation, candidates)
        if key is not None:
            new.remove(key)
            _link(creation, key, is_sure=all(rival.user == creation.user for rival in self._rivals(creation, key)))
        elif creation.state in _OPEN and self._is_late(creation) and self.is_complete and not candidates:
            creation.state = State.NOTHING_CREATED
            creation.save(update_fields=["state"])

    def _named(self, creation: KeyCreation, candidates: Iterable[ApiKey]) -> ApiKey | None:
        """Return the first key with the requested name, or without a name the only new key.

        A key that a call under way may have made is left to that call.
        """
        found = [key for key in candidates if _is_named_so(creation, key) and self._fits(creation, key)]
        found = [key for key in found if not any(map(self._may_be_answered, self._rivals(creation, key)))]
        return found[0] if found and (creation.name or len(found) == 1) else None

    def _only_one(self, creation: KeyCreation, candidates: Sequence[ApiKey]) -> ApiKey | None:
        """Return the only new key, once a key with the requested name has had time to be listed."""
        if len(candidates) != 1 or creation.state not in _OPEN or not self._is_late(creation):
            return None
        is_recent = self.read_at <= creation.sent_at + CORRECTED_WITHIN
        return candidates[0] if is_recent and not self._others(creation, candidates[0]) else None

    def _rivals(self, creation: KeyCreation, key: ApiKey) -> list[KeyCreation]:
        """Return the other creations that may have made ``key``, judging by its name."""
        return [one for one in self._others(creation, key) if _is_named_so(one, key)]

    def _others(self, creation: KeyCreation, key: ApiKey) -> list[KeyCreation]:
        open_ones = [one for one in self.lost if one is not creation and one.key is None and one.state in _OPEN]
        return [one for one in open_ones if _can_have_made(one, key)]

    def _may_be_answered(self, creation: KeyCreation) -> bool:
        return creation.state == State.SENT and self.read_at <= creation.sent_at + LONGEST_CALL

    def _is_late(self, creation: KeyCreation) -> bool:
        return self.read_at > creation.sent_at + GIVE_UP_AFTER

    def _fits(self, creation: KeyCreation, key: ApiKey) -> bool:
        """Return whether upstream's date of the key matches the time of the call, or is missing."""
        if key.created_at is None:
            return creation.state in _OPEN or bool(creation.name)
        return creation.sent_at - CLOCK_SKEW <= key.created_at <= creation.sent_at + LONGEST_CALL + CLOCK_SKEW


def _can_have_made(creation: KeyCreation, key: ApiKey) -> bool:
    return key.upstream_id not in creation.known_ids


def _is_named_so(creation: KeyCreation, key: ApiKey) -> bool:
    """Return whether the key has the requested name; if none was requested, any name matches."""
    return not creation.name or key.name == creation.name


def _link(creation: KeyCreation, key: ApiKey, *, is_sure: bool = True) -> None:
    creation.key = key
    if creation.state != State.SUCCEEDED:
        creation.state = State.CREATED_UNSEEN
    creation.save(update_fields=["key", "state"])
    seen = creation.seen_at is not None
    key.created_by = creation.user if is_sure else None
    key.secret_state = ApiKey.SecretState.SEEN if seen else ApiKey.SecretState.UNSEEN
    key.save(update_fields=["created_by", "secret_state"])


def _unlink(creation: KeyCreation) -> None:
    key, creation.key = creation.key, None
    if creation.state == State.CREATED_UNSEEN:
        creation.state = State.UNKNOWN
    creation.save(update_fields=["key", "state"])
    if key is not None:
        ApiKey.objects.filter(pk=key.pk).update(created_by=None, secret_state=ApiKey.SecretState.NOT_OURS)
