"""The commands on keys: one function a verb. Each goes upstream at once, writes its audit event, re-reads the list."""

from keys.services.creating import (
    AlreadySent,
    AnswerLost,
    NewKey,
    create_key,
    dismiss_unseen_secret,
    mark_secret_seen,
)
from keys.services.revoking import RevokeAllResult, RevokeResult, Verdict, revoke_all_keys, revoke_keys
from keys.services.sweeping import begin_revoking, is_sweep

__all__ = [
    "AlreadySent",
    "AnswerLost",
    "NewKey",
    "RevokeAllResult",
    "RevokeResult",
    "Verdict",
    "begin_revoking",
    "create_key",
    "dismiss_unseen_secret",
    "is_sweep",
    "mark_secret_seen",
    "revoke_all_keys",
    "revoke_keys",
]
