"""Parses nodes: mappings of known names, texts, flags, and secrets stored elsewhere. Problems are collected."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS

from cleanlist import Secret
from core.redaction import redact_text
from core.secret_files import read_file
from provisioning.yaml_reader import Node, NotApplicable, Problem
from workspaces.forms import LONGEST_SECRET

T = TypeVar("T")
SOURCES = "from_env: NAME or from_file: PATH"


class StoredSecret:
    """Stands for a secret that is already stored and stays as it is."""


STORED_SECRET = StoredSecret()


@dataclass(frozen=True)
class Located(Generic[T]):
    """A value and its position in the document."""

    node: Node
    value: T


class NodeParser:
    """Parses nodes, with files relative to ``folder``; collects problems, and returns None for values with one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []

    def refuse(self, node: Node, text: str) -> None:
        self.problems.append(node.problem(text))

    def finish(self) -> None:
        """Raise NotApplicable if there are problems."""
        if self.problems:
            raise NotApplicable(self.problems)

    def mapping(self, node: Node, known: Collection[str] = ()) -> dict[str, Node]:
        """Return the parts of a mapping; names that are not in ``known``, if it is given, are refused."""
        if not isinstance(node.value, dict):
            wanted = f"the names {', '.join(known)}" if known else "names"
            self.refuse(node, f"Write {wanted} here, each with a colon and a value.")
            return {}
        for name, part in node.value.items():
            if known and name not in known:
                close = get_close_matches(name, known, 1)
                hint = f"Did you mean {close[0]}?" if close else f"Available: {', '.join(known)}."
                self.refuse(part, f"Unknown setting. {hint}")
        return node.value

    def items(self, node: Node) -> list[Node]:
        """Return the parts of a list; no value is an empty list."""
        if node.value is None:
            return []
        if not isinstance(node.value, list):
            self.refuse(node, "Write a list here, with each item on its own line starting with “- ”.")
            return []
        return node.value

    def text(self, node: Node) -> str:
        """Return the text of a scalar; no value is ""."""
        if isinstance(node.value, dict | list):
            self.refuse(node, "Write a single value here, not a list or mapping.")
            return ""
        return node.value or ""

    def flag(self, node: Node) -> bool | None:
        text = self.text(node).lower()
        if text not in {"true", "false"}:
            self.refuse(node, "Write true or false.")
            return None
        return text == "true"

    def secret(self, node: Node) -> Secret | StoredSecret | None:
        """Return the content of an environment variable or file, or ``STORED_SECRET``. Messages never contain it."""
        if not isinstance(node.value, dict):
            self.refuse(node, f"Don't put secrets in this file. Use {SOURCES}.")
            return None
        parts = self.mapping(node, ("from_env", "from_file", "stored"))
        if len(parts) != 1:
            self.refuse(node, f"Specify its source with one of: {SOURCES}.")
            return None
        ((way, part),) = parts.items()
        if way == "stored":
            return self._stored(part)
        text = {"from_env": self._from_env, "from_file": self._from_file}.get(way, lambda _: "")(part)
        return Secret(text) if text else None

    def _stored(self, node: Node) -> StoredSecret | None:
        if self.flag(node) is False:
            self.refuse(node, f"Write stored: true to keep the stored one, otherwise {SOURCES}.")
        return STORED_SECRET

    def _from_env(self, node: Node) -> str:
        name = self.text(node)
        if not name:
            self.refuse(node, "Write the name of an environment variable.")
            return ""
        value = os.environ.get(name, "").strip()
        if not value:
            shown = redact_text(name)[:80]  # it may be the secret itself
            self.refuse(node, f"The environment variable {shown} is unset or empty. Set it and try again.")
        return value

    def _from_file(self, node: Node) -> str:
        name = self.text(node)
        if not name:
            self.refuse(node, "Write the path of a file.")
            return ""
        try:
            content = read_file(self.folder / name, LONGEST_SECRET + 3)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a valid path"
            self.refuse(node, f"The file {redact_text(name)[:200]} cannot be read: {why}.")
            return ""
        value = content.decode(errors="replace").strip()
        if not value:
            self.refuse(node, f"The file {name[:200]} is empty.")
        return value

    def check(self, form: forms.Form, node: Node, names: dict[str, str] | None = None) -> bool:
        """Record the errors of ``form``, each at the part of ``node`` that ``names`` gives for its field."""
        parts = node.value if isinstance(node.value, dict) else {}
        for name, errors in form.errors.as_data().items():
            called = (names or {}).get(name, name)
            for error in errors:
                missing = "" if called in parts or name == NON_FIELD_ERRORS else f"{called}: "
                field = form.fields.get(name)
                self.refuse(parts.get(called, node), missing + describe_field_error(error.messages, error.code, field))
        return form.is_valid()

    def cleaned(self, field: forms.Field, node: Node) -> object:
        """Return the scalar cleaned by ``field``, or None if it is invalid."""
        return self.guarded(lambda: field.clean(self.text(node)), node, field)

    def guarded(self, clean: Callable[[], T], node: Node, field: forms.Field | None = None) -> T | None:
        """Return the result of ``clean``, or None if it raises ValidationError."""
        try:
            return clean()
        except forms.ValidationError as error:
            self.refuse(node, describe_field_error(error.messages, getattr(error, "code", None), field))
            return None


def describe_field_error(messages: Iterable[str], code: str | None, field: forms.Field | None) -> str:
    """Return a field's messages, with its possible values, since there is no page to look at."""
    text = " ".join(messages)
    if code == "invalid_choice" and isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        offered = [str(value) or "none" for value, _ in choices]
        return f"Write one of: {', '.join(offered)}."
    return text
