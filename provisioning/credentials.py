"""Connects workspaces that are new in a file, and changes credentials that differ."""

from cleanlist import Secret
from cleanlist.models import JsonObject
from core.encryption import DecryptionError, EncryptedValue
from provisioning.change_set import ChangeSet, NewCredentials
from provisioning.document import SessionSpec, WorkspaceSpec
from provisioning.fields import SOURCES, STORED_SECRET, Located, StoredSecret
from provisioning.yaml_reader import Node
from workspaces import services
from workspaces.credentials.encryption_keys import check_encryption_keys
from workspaces.forms import NO_CREDENTIAL, first_address
from workspaces.models import ManagementSession, Workspace
from workspaces.services import Credentials

NOT_STORED = f"None is stored here. Specify its source: {SOURCES}."


def connect(run: ChangeSet, wanted: WorkspaceSpec) -> Workspace | None:
    """Connect a new workspace and return it; None if there is a problem."""
    credentials = _of_new(run, wanted)
    name = wanted.details.get("name", "")
    if not name:
        run.refuse(wanted.node, "This workspace is new, so it needs a name.")
    if not name or credentials is None:
        return None
    try:
        check_encryption_keys()
    except DecryptionError as error:
        run.refuse(wanted.node, str(error))
        return None
    base_url = wanted.details.get("base_url") or first_address()
    made: list[Workspace] = []

    def act() -> None:
        report = run.reports.get(wanted.slug)
        made.append(
            services.connect_workspace(
                run.actor, name=name, base_url=base_url, credentials=credentials, report=report, slug=wanted.slug
            )
        )

    run.credentials.append(NewCredentials(wanted.slug, wanted.node, base_url, credentials))
    run.do("create", wanted.node, f"workspace “{name}” at {base_url}", act)
    return made[0] if made else None


def _of_new(run: ChangeSet, wanted: WorkspaceSpec) -> Credentials | None:
    api_key = wanted.api_key.value if wanted.api_key else None
    session = wanted.session.value if wanted.session else None
    if isinstance(api_key, StoredSecret) or (session and isinstance(session.client_token, StoredSecret)):
        run.refuse(wanted.node, NOT_STORED)
        return None
    if api_key is None and session is None:
        run.refuse(wanted.node, f"{NO_CREDENTIAL} They are called api_key and session.")
        return None
    return Credentials(api_key=api_key, **_parts(session, None))


def _parts(session: SessionSpec | None, stored: ManagementSession | None) -> JsonObject:
    """Return the session's arguments for ``Credentials``, with the stored token where the file refers to it."""
    if session is None:
        return {}
    token: Secret | StoredSecret | None = session.client_token
    if isinstance(token, StoredSecret):
        token = stored.client_token.open() if stored else None
    return {
        "frontend_api_url": session.frontend_api_url,
        "session_id": session.session_id,
        "client_token": token,
    }


def apply_credentials(run: ChangeSet, wanted: WorkspaceSpec, workspace: Workspace) -> None:
    """Replace credentials that differ. Upstream checks the new ones of a workspace together.

    If the encryption keys do not open the stored credentials, nothing is replaced: the keys may be another console's,
    and the running console could not open what they seal.
    """
    try:
        key = _apply_api_key(run, wanted.api_key, workspace) if wanted.api_key else None
        session = _apply_session(run, wanted.session, workspace) if wanted.session else {}
    except DecryptionError as error:
        run.refuse(wanted.node, str(error))
        return
    if key or session:
        said = wanted.api_key if key else wanted.session
        node = said.node if said else wanted.node
        new = Credentials(api_key=key, **session)
        run.credentials.append(NewCredentials(wanted.slug, node, workspace.base_url, new, workspace))


def _apply_api_key(run: ChangeSet, said: Located[Secret | StoredSecret | None], workspace: Workspace) -> Secret | None:
    """Return the API key if it is new."""
    secret, node = said.value, said.node
    if secret is None:
        _drop(run, node, workspace, "api_key")
    elif isinstance(secret, StoredSecret):
        run.same() if workspace.api_key is not None else run.refuse(node, NOT_STORED)
    elif _opened(workspace.api_key) == secret.reveal():
        run.same()
    else:
        label = f"{workspace.api_key_prefix}…{workspace.api_key_last4}" if workspace.api_key else "none"
        text = f"API key {label} → {secret.reveal()[:10]}…{secret.reveal()[-4:]}"
        run.do(
            "change",
            node,
            text,
            lambda: services.replace_api_key(workspace, run.actor, secret, run.report_of(workspace)),
        )
        return secret
    return None


def _apply_session(run: ChangeSet, said: Located[SessionSpec | None], workspace: Workspace) -> JsonObject:
    """Return the session's arguments for ``Credentials`` if it is new."""
    session, node, stored = said.value, said.node, workspace.management_session
    if session is None:
        _drop(run, node, workspace, "session")
        return {}
    is_clerk = stored is not None and stored.kind == ManagementSession.Kind.CLERK
    if session.client_token is STORED_SECRET and not is_clerk:
        run.refuse(node, NOT_STORED)
        return {}
    if stored is not None and is_clerk and _is_same(session, stored):
        run.same()
        return {}
    parts = _parts(session, stored)
    text = f"management session {session.session_id} at {session.frontend_api_url}"
    new = Credentials(**parts)
    run.do(
        "change",
        node,
        text,
        lambda: services.replace_session(workspace, run.actor, new, run.report_of(workspace)),
    )
    return parts


def _is_same(session: SessionSpec, stored: ManagementSession) -> bool:
    token = session.client_token
    return (session.frontend_api_url, session.session_id) == (stored.frontend_api_url, stored.session_id) and (
        isinstance(token, StoredSecret) or _opened(stored.client_token) == token.reveal()
    )


def _opened(sealed: EncryptedValue | None) -> str | None:
    """Return a stored secret, or None. Raises DecryptionError."""
    return sealed.decrypt().reveal() if sealed is not None else None


def _drop(run: ChangeSet, node: Node, workspace: Workspace, kind: str) -> None:
    if kind == "api_key" and workspace.api_key is not None:
        run.surplus(node, "the API key", lambda: services.remove_api_key(workspace, run.actor))
    elif kind == "session" and workspace.management_session is not None:
        run.surplus(node, "the management session", lambda: services.remove_session(workspace, run.actor))
    else:
        run.same()
