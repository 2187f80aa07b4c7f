"""Commands on keys, one function each. Each calls upstream at once, writes its audit event, and re-reads the list."""

from keys.services.create import (
    AnswerLost,
    FormAlreadySent,
    NewKey,
    create_key,
    dismiss_unseen_secret,
    mark_secret_seen,
)
from keys.services.revoke import (
    RevokeAllResult,
    RevokeResult,
    RevokeVerdict,
    begin_revocation,
    is_mass_revocation,
    revoke_all_keys,
    revoke_keys,
)

__all__ = [
    "AnswerLost",
    "FormAlreadySent",
    "NewKey",
    "RevokeAllResult",
    "RevokeResult",
    "RevokeVerdict",
    "begin_revocation",
    "create_key",
    "dismiss_unseen_secret",
    "is_mass_revocation",
    "mark_secret_seen",
    "revoke_all_keys",
    "revoke_keys",
]
