"""The files of one data directory. Secrets are created once, mode 0600, also when two processes start."""

import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


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
        """What `X-Sandbox-Control` must carry."""
        return self._once("control-token", lambda: secrets.token_urlsafe(32))

    @property
    def quote_secret(self) -> str:
        """What cost estimates are signed with."""
        return self._once("quote-secret", lambda: secrets.token_urlsafe(32))

    def signing_key(self, generate: Callable[[], str]) -> str:
        """Return the PEM of the key that signs session tokens, generating it on first use."""
        return self._once("session-signing-key.pem", generate)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file, empty when there is none."""
        try:
            content = json.loads((self.path / name).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Replace a JSON file in one step (mode 0600)."""
        temporary = self._temporary(json.dumps(content, indent=2))
        temporary.replace(self.path / name)

    def _once(self, name: str, generate: Callable[[], str]) -> str:
        final = self.path / name
        if not final.exists():
            temporary = self._temporary(generate())
            try:
                # A link, unlike a rename, fails when another process was first; then its secret counts.
                os.link(temporary, final)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return final.read_text()

    def _temporary(self, content: str) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.path)  # mkstemp creates with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        return Path(name)
