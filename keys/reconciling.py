"""Finds the key that a creation made, when the answer was lost or carried no id."""

from datetime import datetime, timedelta

from django.db.models import Q

from keys.models import ApiKey, KeyCreation
from workspaces.models import Workspace

# Upstream's clock and ours may differ by so much.
CLOCK_SKEW = timedelta(minutes=2)
# After this long a key that is not listed was not created: well past the client's total time-out.
GIVE_UP_AFTER = timedelta(minutes=2)
_OPEN = [KeyCreation.State.SENT, KeyCreation.State.UNKNOWN]


def settle_unknown_creations(workspace: Workspace, read_at: datetime) -> None:
    """Link creations to the keys they made, as far as a list that was read at ``read_at`` can tell."""
    unlinked = KeyCreation.objects.filter(
        Q(state__in=_OPEN) | Q(state=KeyCreation.State.SUCCEEDED), workspace=workspace, key__isnull=True
    )
    for creation in unlinked.filter(sent_at__gte=read_at - timedelta(days=1)):
        key = _key_made_by(creation)
        if key is not None:
            _link(creation, key)
        elif creation.state in _OPEN and read_at > creation.sent_at + GIVE_UP_AFTER:
            creation.state = KeyCreation.State.NOTHING_CREATED
            creation.save(update_fields=["state"])


def _key_made_by(creation: KeyCreation) -> ApiKey | None:
    """Return the one key that can have come from ``creation``: new since then, of its name or its visible ends."""
    keys = ApiKey.objects.of(creation.workspace).filter(creation__isnull=True, gone_at__isnull=True)
    keys = keys.exclude(upstream_id__in=creation.known_ids)
    if creation.last4:
        return keys.filter(prefix=creation.prefix, last4=creation.last4).first()
    since = creation.sent_at - CLOCK_SKEW
    return keys.filter(name=creation.name, created_at__gte=since, is_active=True).order_by("created_at").first()


def _link(creation: KeyCreation, key: ApiKey) -> None:
    creation.key = key
    if creation.state in _OPEN:
        creation.state = KeyCreation.State.CREATED_UNSEEN
    creation.save(update_fields=["key", "state"])
    seen = creation.seen_at is not None
    key.created_by = creation.user
    key.secret_state = ApiKey.SecretState.SEEN if seen else ApiKey.SecretState.UNSEEN
    key.save(update_fields=["created_by", "secret_state"])
