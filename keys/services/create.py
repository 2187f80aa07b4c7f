"""Creates keys. The secret passes through once and is never stored."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from cleanlist import CreatedApiKey, Secret
from cleanlist.errors import CleanlistError, UpstreamUnavailable
from core import clock
from keys.lost_creations import link_by_ends
from keys.models import ApiKey, KeyCreation
from keys.services.key_list import refresh_list
from workspaces.audit.events import Actor, record_event
from workspaces.credentials.clients import management_client
from workspaces.models import Action, Outcome, Workspace

logger = structlog.get_logger(__name__)


class FormAlreadySent(Exception):
    """The same form was sent before; ``creation`` holds the outcome."""

    def __init__(self, creation: KeyCreation) -> None:
        super().__init__("This form was already sent.")
        self.creation = creation


class AnswerLost(Exception):
    """The command was sent but got no valid answer; ``creation`` holds what the list has shown since."""

    def __init__(self, creation: KeyCreation, error: CleanlistError, *, list_was_read: bool) -> None:
        super().__init__(str(error))
        self.creation = creation
        self.error = error
        self.list_was_read = list_was_read


@dataclass(frozen=True)
class NewKey:
    """A newly created key. ``key`` is None if the list could not be read since."""

    secret: Secret
    creation: KeyCreation
    key: ApiKey | None
    expires_at: datetime | None


def create_key(workspace: Workspace, actor: Actor, *, name: str, expires_at: datetime | None, form_id: UUID) -> NewKey:
    """Create a key upstream and return it with its secret, once.

    Raises FormAlreadySent, AnswerLost, NotConnected, or the CleanlistError by which upstream refused.
    """
    with management_client(workspace) as client:
        creation = _begin(workspace, actor, name=name, expires_at=expires_at, form_id=form_id)
        try:
            answer = client.api_keys.create(name=name or None, expires_at=expires_at)
        except CleanlistError as error:
            if error.outcome_unknown:
                raise _answer_lost(creation, actor, error) from None
            _finish(creation, actor, KeyCreation.State.REFUSED, error)
            raise
    return _created(creation, actor, answer)


def _begin(workspace: Workspace, actor: Actor, *, name: str, expires_at: datetime | None, form_id: UUID) -> KeyCreation:
    """Store the attempt before it is sent. Raises FormAlreadySent for a form sent twice."""
    known = list(ApiKey.objects.of(workspace).values_list("upstream_id", flat=True))
    try:
        with transaction.atomic():
            return KeyCreation.objects.create(
                workspace=workspace,
                user=actor.user,
                name=name,
                expires_at=expires_at,
                form_id=form_id,
                known_ids=known,
                sent_at=clock.now(),
            )
    except IntegrityError:
        raise FormAlreadySent(KeyCreation.objects.get(workspace=workspace, form_id=form_id)) from None


def _created(creation: KeyCreation, actor: Actor, answer: CreatedApiKey) -> NewKey:
    try:
        _record_created(creation, actor, answer)
    except Exception:
        # Even if recording it fails, the secret must reach the user: it cannot be retrieved again.
        logger.exception("created_key_not_noted", creation=creation.pk)
    return NewKey(answer.api_key, creation, creation.key, answer.expires_at)


@sensitive_variables("text")
def _record_created(creation: KeyCreation, actor: Actor, answer: CreatedApiKey) -> None:
    text = answer.api_key.reveal()
    creation.prefix, creation.last4 = text[:10], text[-4:]
    _finish(creation, actor, KeyCreation.State.SUCCEEDED)
    with transaction.atomic():
        Workspace.objects.lock(creation.workspace_id)  # blocks the ingest of lists
        creation.refresh_from_db()
        link_by_ends(creation)
    refresh_list(creation.workspace)
    creation.refresh_from_db()


def _answer_lost(creation: KeyCreation, actor: Actor, error: CleanlistError) -> AnswerLost:
    _finish(creation, actor, KeyCreation.State.UNKNOWN, error)
    list_was_read = refresh_list(creation.workspace) is not None
    creation.refresh_from_db()
    return AnswerLost(creation, error, list_was_read=list_was_read)


_OUTCOMES = {
    KeyCreation.State.SUCCEEDED: Outcome.SUCCEEDED,
    KeyCreation.State.REFUSED: Outcome.REFUSED,
    KeyCreation.State.UNKNOWN: Outcome.UNKNOWN,
}


def _finish(creation: KeyCreation, actor: Actor, state: KeyCreation.State, error: CleanlistError | None = None) -> None:
    creation.state = state
    creation.save(update_fields=["state", "prefix", "last4"])
    outcome = _OUTCOMES[state]
    if isinstance(error, UpstreamUnavailable) and state is KeyCreation.State.REFUSED:
        outcome = Outcome.FAILED  # the request never arrived, so it was not refused
    record_event(
        Action.KEY_CREATED,
        actor,
        workspace=creation.workspace,
        outcome=outcome,
        subject=("", creation.name or "unnamed key"),
        message=str(error) if error else "",
        prefix=creation.prefix,
        last4=creation.last4,
        expires_at=creation.expires_at.isoformat() if creation.expires_at else None,
        upstream_request_id=error.request_id if error else None,
    )


@transaction.atomic
def mark_secret_seen(creation: KeyCreation, actor: Actor) -> None:
    """Record that the page with the secret reached the user. Safe to call twice, and before the key is listed."""
    if not KeyCreation.objects.filter(pk=creation.pk, seen_at__isnull=True).update(seen_at=clock.now()):
        return
    key = creation.key
    if key is not None:
        unseen = ApiKey.objects.filter(pk=key.pk, secret_state=ApiKey.SecretState.UNSEEN)
        unseen.update(secret_state=ApiKey.SecretState.SEEN)
    record_event(
        Action.KEY_SECRET_SEEN,
        actor,
        workspace=creation.workspace,
        subject=(key.upstream_id if key else "", key.label if key else creation.name or "unnamed key"),
    )


def dismiss_unseen_secret(key: ApiKey) -> None:
    """Stop warning about a key's unseen secret: someone has it after all, or accepts that."""
    unseen = ApiKey.objects.filter(pk=key.pk, secret_state=ApiKey.SecretState.UNSEEN)
    unseen.update(secret_state=ApiKey.SecretState.DISMISSED)
