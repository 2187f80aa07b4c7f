"""Revokes keys. A row is struck only after upstream agreed; what we do not know, we say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils import timezone

from cleanlist import Client
from cleanlist.errors import AuthenticationError, CleanlistError, NotFound, RateLimited
from keys.models import ApiKey
from workspaces.audit import Actor, record_event
from workspaces.connections import management_client
from workspaces.models import Action, Outcome, Workspace
from workspaces.services import refresh


class Verdict(StrEnum):
    """What is known of one key after a revoke."""

    REVOKED = "revoked"
    ALREADY = "already revoked"
    FAILED = "still active"
    UNKNOWN = "not known"
    NOT_TRIED = "not tried"


_OUTCOMES = {
    Verdict.REVOKED: Outcome.SUCCEEDED,
    Verdict.ALREADY: Outcome.SUCCEEDED,
    Verdict.FAILED: Outcome.FAILED,
    Verdict.UNKNOWN: Outcome.UNKNOWN,
    Verdict.NOT_TRIED: Outcome.FAILED,
}


@dataclass
class RevokeResult:
    """How it went for one key: the verdict, upstream's message, and the error if there was one."""

    key: ApiKey
    verdict: Verdict
    message: str = ""
    error: CleanlistError | None = None


@dataclass
class RevokeAllResult:
    """How a revoke-all went: upstream's message, and each key that was active before with what is known now."""

    verdict: Verdict
    message: str = ""
    error: CleanlistError | None = None
    keys: list[RevokeResult] = field(default_factory=list)

    @property
    def still_active(self) -> list[ApiKey]:
        """Return the keys that the list still shows as active."""
        return [result.key for result in self.keys if result.verdict is Verdict.FAILED]


def revoke_keys(workspace: Workspace, actor: Actor, keys: Sequence[ApiKey]) -> list[RevokeResult]:
    """Revoke ``keys`` one by one and return a result for each. One that fails does not stop the others.

    Raises NotConnected or SessionExpired before anything is sent.
    """
    results: list[RevokeResult] = []
    with management_client(workspace) as client:
        stop: CleanlistError | None = None
        for key in keys:
            result = RevokeResult(key, Verdict.NOT_TRIED, error=stop) if stop else _revoke(client, key)
            results.append(result)
            if isinstance(result.error, AuthenticationError | RateLimited):
                stop = result.error  # the rest would meet the same refusal
    read = refresh(workspace, "keys").ok
    for result in results:
        _compare_with_list(result, list_was_read=read)
        _record(workspace, actor, result)
    return results


def _revoke(client: Client, key: ApiKey) -> RevokeResult:
    if not key.is_active and key.gone_at is None:
        return RevokeResult(key, Verdict.ALREADY)  # revoked keys never come back, so there is nothing to send
    try:
        answer = client.api_keys.revoke(key.upstream_id)
    except CleanlistError as error:
        unsure = error.outcome_unknown or isinstance(error, NotFound)
        return RevokeResult(key, Verdict.UNKNOWN if unsure else Verdict.FAILED, str(error), error)
    verdict = Verdict.REVOKED if answer.success else Verdict.FAILED
    return RevokeResult(key, verdict, answer.message or "")


def _compare_with_list(result: RevokeResult, *, list_was_read: bool) -> None:
    """Settle what is not known by the list read since, and bring the mirror's row along."""
    if list_was_read:
        result.key.refresh_from_db()
        if result.verdict is Verdict.UNKNOWN:
            gone = not result.key.is_active
            already = isinstance(result.error, NotFound)
            result.verdict = (Verdict.ALREADY if already else Verdict.REVOKED) if gone else Verdict.FAILED
    elif result.verdict is Verdict.REVOKED:
        result.key.is_active = False  # upstream agreed; the list will say so when it can be read again


def _record(workspace: Workspace, actor: Actor, result: RevokeResult) -> None:
    key = result.key
    if result.verdict is Verdict.REVOKED:
        key.is_active, key.revoked_at, key.revoked_by = False, key.revoked_at or timezone.now(), actor.user
        key.save(update_fields=["is_active", "revoked_at", "revoked_by"])
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


def revoke_all_keys(workspace: Workspace, actor: Actor) -> RevokeAllResult:
    """Revoke every active key of the session's user in one call; upstream decides which those are.

    Raises NotConnected or SessionExpired before anything is sent.
    """
    before = list(ApiKey.objects.of(workspace).active())
    with management_client(workspace) as client:
        result = _revoke_all(client)
    read = refresh(workspace, "keys").ok
    result.keys = [RevokeResult(key, result.verdict) for key in before]
    if read:
        _settle_all(result)
    for item in result.keys:
        if item.verdict is Verdict.REVOKED:
            item.key.is_active, item.key.revoked_at, item.key.revoked_by = False, timezone.now(), actor.user
            item.key.save(update_fields=["is_active", "revoked_at", "revoked_by"])
    record_event(
        Action.KEYS_ALL_REVOKED,
        actor,
        workspace=workspace,
        outcome=_OUTCOMES[result.verdict],
        message=result.message,
        revoked=[item.key.upstream_id for item in result.keys if item.verdict is Verdict.REVOKED],
        still_active=[key.upstream_id for key in result.still_active],
        upstream_request_id=result.error.request_id if result.error else None,
    )
    return result


def _revoke_all(client: Client) -> RevokeAllResult:
    try:
        answer = client.api_keys.revoke_all()
    except CleanlistError as error:
        verdict = Verdict.UNKNOWN if error.outcome_unknown else Verdict.FAILED
        return RevokeAllResult(verdict, str(error), error)
    return RevokeAllResult(Verdict.REVOKED if answer.success else Verdict.FAILED, answer.message or "")


def _settle_all(result: RevokeAllResult) -> None:
    """Say of each key, and so of the whole, what the list shows now."""
    for item in result.keys:
        item.key.refresh_from_db()
        item.verdict = Verdict.FAILED if item.key.is_active else Verdict.REVOKED
    if result.verdict is Verdict.UNKNOWN:
        result.verdict = Verdict.FAILED if result.still_active else Verdict.REVOKED
