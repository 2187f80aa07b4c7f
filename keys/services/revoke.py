"""Revokes keys. A row is marked revoked only after upstream agreed; an unknown outcome is reported as unknown."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from cleanlist import Client
from cleanlist.errors import AuthenticationError, CleanlistError, NotFound, RateLimited
from core import clock
from core.sanitize import sanitize_text
from keys.models import ApiKey
from keys.services.key_list import ListedKeys, refresh_list
from workspaces.audit.events import Actor, record_event
from workspaces.credentials.clients import management_client
from workspaces.models import Action, Outcome, Workspace
from workspaces.polling.registry import KEYS

# Several keys are revoked one by one; if upstream hangs, the page must still return before a proxy times out.
BUDGET_SECONDS = 45
STILL_LISTED = "Cleanlist agreed, yet its list still shows the key as active."
ACTIVE_AGAIN = "An earlier list showed the key as revoked, so nothing was sent; now it is listed as active."
# A person's revocations within this time count together. It is long, so that waiting between keys gains little.
WITHIN = timedelta(days=1)


class RevokeVerdict(StrEnum):
    """The outcome of a revoke for one key."""

    REVOKED = "revoked"
    ALREADY = "already revoked"
    FAILED = "still active"
    UNKNOWN = "not known"
    NOT_TRIED = "not tried"


_OUTCOMES = {
    RevokeVerdict.REVOKED: Outcome.SUCCEEDED,
    RevokeVerdict.ALREADY: Outcome.SUCCEEDED,
    RevokeVerdict.FAILED: Outcome.FAILED,
    RevokeVerdict.UNKNOWN: Outcome.UNKNOWN,
    RevokeVerdict.NOT_TRIED: Outcome.FAILED,
}


@dataclass
class RevokeResult:
    """The result for one key: the verdict, upstream's message, and the error if there was one."""

    key: ApiKey
    verdict: RevokeVerdict
    message: str = ""
    error: CleanlistError | None = None
    at: datetime = field(default_factory=clock.now)
    # The list read since does not contain the key, which proves nothing: it may be another user's.
    is_unlisted: bool = False


@dataclass
class RevokeAllResult:
    """The result of a revoke-all: upstream's message, and each possibly active key with its current verdict."""

    verdict: RevokeVerdict
    message: str = ""
    error: CleanlistError | None = None
    keys: list[RevokeResult] = field(default_factory=list)
    at: datetime = field(default_factory=clock.now)

    @property
    def still_active(self) -> list[ApiKey]:
        return [result.key for result in self.keys if result.verdict is RevokeVerdict.FAILED]


def is_mass_revocation(workspace: Workspace, actor: Actor, chosen: Iterable[ApiKey]) -> bool:
    """Return whether ``actor`` would have revoked half of the keys or more, counting the last day.

    That amounts to revoking all, at once or one after another.
    """
    keys = ApiKey.objects.of(workspace)
    active = set(keys.active().values_list("pk", flat=True))
    recent = keys.filter(revoke_begun_by=actor.user, revoke_begun_at__gt=clock.cached_now() - WITHIN)
    begun = set(recent.values_list("pk", flat=True))
    now = {key.pk for key in chosen} & active
    return bool(now) and 2 * len(begun | now) >= len(begun | active)


def begin_revocation(workspace: Workspace, actor: Actor, keys: list[ApiKey], confirm: Callable[[], None]) -> None:
    """Record that ``actor`` is about to revoke ``keys``; for a mass revocation, call ``confirm`` first.

    An exception from ``confirm`` cancels it. This is recorded before anything is sent, and under a lock, so that
    simultaneous requests are counted as well.
    """
    with transaction.atomic():
        Workspace.objects.lock(workspace.pk)
        if is_mass_revocation(workspace, actor, keys):
            confirm()
        chosen = ApiKey.objects.active().filter(pk__in=[key.pk for key in keys])
        chosen.update(revoke_begun_at=clock.now(), revoke_begun_by=actor.user)


def revoke_keys(workspace: Workspace, actor: Actor, keys: Sequence[ApiKey]) -> list[RevokeResult]:
    """Revoke ``keys`` one by one and return a result for each. A failure does not stop the others.

    Raises NotConnected, SessionExpired, AddressNotAllowed or DecryptionError before anything is sent.
    """
    with management_client(workspace) as client:
        results = _revoke_each(client, keys)
    listed = refresh_list(workspace)
    for result in results:
        _compare_with_list(result, listed)
        _record(workspace, actor, result)
    return results


def _revoke_each(client: Client, keys: Sequence[ApiKey]) -> list[RevokeResult]:
    stop: RevokeResult | None = None
    ends = time.monotonic() + BUDGET_SECONDS
    results = []
    for key in keys:
        if stop is None and time.monotonic() > ends:
            stop = RevokeResult(key, RevokeVerdict.NOT_TRIED, "The keys before this one took too long.")
        result = RevokeResult(key, RevokeVerdict.NOT_TRIED, stop.message, stop.error) if stop else _revoke(client, key)
        results.append(result)
        if stop is None and isinstance(result.error, AuthenticationError | RateLimited):
            stop = result  # the rest would be refused too
    return results


def _revoke(client: Client, key: ApiKey) -> RevokeResult:
    if not key.is_active and key.gone_at is None:
        return RevokeResult(key, RevokeVerdict.ALREADY)  # revocation is final, so nothing is sent
    try:
        answer = client.api_keys.revoke(key.upstream_id)
    except CleanlistError as error:
        unsure = error.outcome_unknown or isinstance(error, NotFound)
        return RevokeResult(key, RevokeVerdict.UNKNOWN if unsure else RevokeVerdict.FAILED, str(error), error)
    verdict = RevokeVerdict.REVOKED if answer.success else RevokeVerdict.FAILED
    return RevokeResult(key, verdict, sanitize_text(answer.message, 1000))


def _compare_with_list(result: RevokeResult, listed: ListedKeys | None) -> None:
    """Correct an unknown or wrong verdict by the list read since, and reload the mirror's row."""
    if listed is None:
        return
    result.key.refresh_from_db()
    shown = listed.shows_active(result.key)
    if shown is None:
        if result.verdict in {RevokeVerdict.UNKNOWN, RevokeVerdict.FAILED}:
            result.verdict, result.is_unlisted = RevokeVerdict.UNKNOWN, listed.is_complete
    elif shown:
        if result.verdict in {RevokeVerdict.REVOKED, RevokeVerdict.ALREADY}:
            result.message = STILL_LISTED if result.verdict is RevokeVerdict.REVOKED else ACTIVE_AGAIN
        if result.verdict is not RevokeVerdict.NOT_TRIED:
            result.verdict = RevokeVerdict.FAILED
    elif result.verdict is RevokeVerdict.UNKNOWN:
        result.verdict = RevokeVerdict.ALREADY if isinstance(result.error, NotFound) else RevokeVerdict.REVOKED
    elif result.verdict is RevokeVerdict.FAILED and not result.key.is_expired:
        result.verdict = RevokeVerdict.ALREADY  # a refused command revokes nothing, so it was revoked elsewhere


def _record(workspace: Workspace, actor: Actor, result: RevokeResult) -> None:
    key = result.key
    if result.verdict is RevokeVerdict.REVOKED:
        _mark_revoked(key, actor, result.at)
    record_event(
        Action.KEY_REVOKED,
        actor,
        workspace=workspace,
        outcome=_OUTCOMES[result.verdict],
        subject=(key.upstream_id, f"{key.label} ({key.masked})"),
        message=result.message,
        verdict=result.verdict.value,
        upstream_request_id=result.error.request_id if result.error else None,
    )


def _mark_revoked(key: ApiKey, actor: Actor, at: datetime) -> None:
    """Mark the row revoked. ``read_at`` is updated too, so that a list fetched earlier cannot reactivate the key."""
    with transaction.atomic():
        Workspace.objects.lock(key.workspace_id)  # blocks the ingest of lists
        key.is_active, key.revoked_by = False, actor.user
        key.revoked_at, key.read_at = min(key.revoked_at or at, at), clock.now()
        key.save(update_fields=["is_active", "revoked_at", "revoked_by", "read_at"])


def revoke_all_keys(workspace: Workspace, actor: Actor) -> RevokeAllResult:
    """Revoke every active key of the session's user in one call; upstream decides which those are.

    Raises NotConnected, SessionExpired, AddressNotAllowed or DecryptionError before anything is sent.
    """
    with management_client(workspace) as client:
        is_current = _is_current(workspace) or refresh_list(workspace) is not None
        rows = ApiKey.objects.of(workspace)
        before, known = list(rows.active().recently_used_first()), set(_listed_ids(workspace))
        result = _revoke_all(client)
    sent = result.verdict
    result.keys = [RevokeResult(key, _presumed(key, sent), at=result.at) for key in before]
    if (listed := refresh_list(workspace)) is not None:
        if is_current:  # otherwise keys that are new in the list may have been revoked long ago
            made = set(_listed_ids(workspace)) & listed.keys.keys() - known
            made_since = rows.filter(upstream_id__in=made).recently_used_first()
            result.keys += [RevokeResult(key, sent, at=result.at) for key in made_since]
        _apply_list(result, sent, listed)
    for item in result.keys:
        if item.verdict is RevokeVerdict.REVOKED:
            _mark_revoked(item.key, actor, item.at)
    record_event(
        Action.KEYS_ALL_REVOKED,
        actor,
        workspace=workspace,
        outcome=_OUTCOMES[result.verdict],
        message=result.message,
        revoked=[item.key.upstream_id for item in result.keys if item.verdict is RevokeVerdict.REVOKED],
        still_active=[key.upstream_id for key in result.still_active],
        upstream_request_id=result.error.request_id if result.error else None,
    )
    return result


def _is_current(workspace: Workspace) -> bool:
    """Return whether the mirror is so recent that keys created since are only minutes old."""
    poll = workspace.polls.filter(resource=KEYS, consecutive_failures=0, last_success_at__isnull=False).first()
    return poll is not None and not poll.is_stale


def _listed_ids(workspace: Workspace) -> Iterable[str]:
    return ApiKey.objects.of(workspace).filter(gone_at__isnull=True).values_list("upstream_id", flat=True)


def _revoke_all(client: Client) -> RevokeAllResult:
    try:
        answer = client.api_keys.revoke_all()
    except CleanlistError as error:
        verdict = RevokeVerdict.UNKNOWN if error.outcome_unknown else RevokeVerdict.FAILED
        return RevokeAllResult(verdict, str(error), error)
    return RevokeAllResult(
        RevokeVerdict.REVOKED if answer.success else RevokeVerdict.FAILED, sanitize_text(answer.message, 1000)
    )


def _presumed(key: ApiKey, sent: RevokeVerdict) -> RevokeVerdict:
    """Return the verdict from upstream's answer alone: unknown for a key that may be another user's."""
    return RevokeVerdict.UNKNOWN if sent is RevokeVerdict.REVOKED and not key.in_full else sent


def _apply_list(result: RevokeAllResult, sent: RevokeVerdict, listed: ListedKeys) -> None:
    """Set the verdict of each key, and of the whole, from what the list shows now."""
    for item in result.keys:
        item.key.refresh_from_db()
        shown = listed.shows_active(item.key)
        if shown is None:
            item.verdict, item.is_unlisted = RevokeVerdict.UNKNOWN, listed.is_complete
        elif shown:
            item.verdict = RevokeVerdict.FAILED
        else:
            # A refused command revokes nothing, so this key was revoked elsewhere.
            item.verdict = RevokeVerdict.ALREADY if sent is RevokeVerdict.FAILED else RevokeVerdict.REVOKED
    if sent is not RevokeVerdict.FAILED:
        result.verdict = RevokeVerdict.FAILED if result.still_active else RevokeVerdict.REVOKED
