"""The files of a data directory. Secrets are created once (mode 0600), also when two processes start at once."""

import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from .db.column_types import JsonObject

CONTROL_TOKEN = "control-token"  # noqa: S105 - the name of its file


class DataDir:
    """Paths and secrets under `path`, which is created (mode 0700) when missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "sandbox.sqlite3"

    @property
    def control_token(self) -> str:
        """The required value of `X-Sandbox-Control`."""
        return self._read_or_create(CONTROL_TOKEN, lambda: secrets.token_urlsafe(32))

    def replace_control_token(self, token: str) -> None:
        """Demand this one from now on."""
        self._write_temporary(token).replace(self.path / CONTROL_TOKEN)

    @property
    def quote_secret(self) -> str:
        """The key that signs cost estimates."""
        return self._read_or_create("quote-secret", lambda: secrets.token_urlsafe(32))

    def signing_key(self, generate: Callable[[], str]) -> str:
        """Return the PEM of the key that signs session tokens, generating it on first use."""
        return self._read_or_create("session-signing-key.pem", generate)

    def read_json(self, name: str) -> JsonObject:
        """Return the object in a JSON file, empty when there is none."""
        try:
            content = json.loads((self.path / name).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_json(self, name: str, content: dict[str, object]) -> None:
        """Replace a JSON file atomically (mode 0600)."""
        temporary = self._write_temporary(json.dumps(content, indent=2))
        temporary.replace(self.path / name)

    def _read_or_create(self, name: str, generate: Callable[[], str]) -> str:
        final = self.path / name
        if not final.exists():
            temporary = self._write_temporary(generate())
            try:
                # Unlike a rename, a link fails if another process was first; then its secret is used.
                os.link(temporary, final)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return final.read_text()

    def _write_temporary(self, content: str) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.path)  # mkstemp creates with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        return Path(name)
