"""Reads YAML into nodes that know their line and path, and refuses constructs unfit for a settings file.

Scalars stay text, because the pages' forms parse them: 22:00 does not become a number of minutes, nor "no" false.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from core.sanitize import sanitize_text

MOST_BYTES = 8 * 1024 * 1024
DEEPEST = 12
MOST_PROBLEMS = 100
NO_CHARACTER = "It contains a character that YAML doesn't allow."
_SURROGATES = re.compile("[\ud800-\udfff]")
_NULLS = {"", "~", "null", "Null", "NULL"}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast loader is not available on every machine


@dataclass(frozen=True)
class Problem:
    """A problem and its solution, with the line and path in the document; line 0 if there is none."""

    line: int
    path: str
    text: str

    def in_words(self, name: str) -> str:
        """Return the problem in one line."""
        where = f"{name}:{self.line}" if self.line else name
        return sanitize_line(f"{where}: {self.path}: {self.text}" if self.path else f"{where}: {self.text}")


def sanitize_line(text: str) -> str:
    """Return ``text`` without characters that affect a terminal."""
    return sanitize_text(" ".join(text.splitlines()), 2000)


class NotApplicable(Exception):
    """The file cannot be applied; holds all its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = sorted(problems, key=lambda problem: problem.line)


@dataclass(frozen=True)
class Node:
    """A part of the document: None, text, a mapping or a list; ``line`` is that of its name, if it has one."""

    line: int
    path: str
    value: "str | dict[str, Node] | list[Node] | None"

    def problem(self, text: str) -> Problem:
        """Return a problem at this node."""
        return Problem(self.line, self.path, text)


def read_yaml(content: bytes) -> Node:
    if len(content) > MOST_BYTES:
        raise NotApplicable([Problem(0, "", f"The file is larger than {MOST_BYTES // 1024**2} MiB. Split it.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotApplicable([Problem(line, "", "This is not UTF-8. Save the file as UTF-8.")]) from None
    try:
        return _NodeBuilder(yaml.parse(text, Loader=_Loader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotApplicable([Problem(mark.line + 1 if mark else 0, "", _in_words(text, error, mark))]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotApplicable([Problem(line, "", NO_CHARACTER)]) from None


def _in_words(text: str, error: yaml.MarkedYAMLError, mark: yaml.Mark | None) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "The line starts with a tab. Indent with spaces."
    return f"This is not YAML: {error.problem or error.context}."


class _NodeBuilder:
    """Builds nodes from YAML events. Refuses what makes a short file expand into a long one, or creates objects."""

    def __init__(self, events: Iterator[object]) -> None:
        self.events = events
        self.problems: list[Problem] = []

    def document(self) -> Node:
        first = self._next()
        while not isinstance(first, yaml.DocumentStartEvent | yaml.StreamEndEvent):
            first = self._next()
        if isinstance(first, yaml.StreamEndEvent):
            return Node(1, "", None)
        node = self._node(self._next(), "", 0, 0)
        self._next()
        if not isinstance(after := self._next(), yaml.StreamEndEvent):
            self._refuse(after, "", "A second document starts here. Use one document per file.")
        if self.problems:
            raise NotApplicable(self.problems)
        return node

    def _next(self) -> object:
        return next(self.events)

    def _refuse(self, event: Any, path: str, text: str) -> None:
        self.problems.append(Problem(event.start_mark.line + 1, path, text))
        if len(self.problems) == MOST_PROBLEMS:
            raise NotApplicable(self.problems)

    def _node(self, event: Any, path: str, line: int, depth: int) -> Node:
        line = line or event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, path, "Aliases (*name) aren't supported. Write the value out.")
            return Node(line, path, None)
        if event.anchor:
            self._refuse(event, path, "Anchors (&name) aren't supported. Write the value out.")
        if event.tag:
            self._refuse(event, path, f"Tags ({event.tag[:60]}) aren't supported. Remove it.")
        if depth > DEEPEST:
            self._refuse(event, path, "This is nested too deeply.")
            raise NotApplicable(self.problems)
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.style in {None, ""} and event.value in _NULLS
            if _SURROGATES.search(event.value):  # libyaml refuses them itself
                self._refuse(event, path, NO_CHARACTER)
            return Node(line, path, None if is_null else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(line, path, self._list(path, depth))
        return Node(line, path, self._mapping(path, depth))

    def _list(self, path: str, depth: int) -> list[Node]:
        found: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._node(event, f"{path}[{len(found) + 1}]", 0, depth + 1))
        return found

    def _mapping(self, path: str, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name = self._node(event, path, 0, depth + 1)
            if not isinstance(name.value, str):
                self._refuse(event, path, "Each colon needs a name before it.")
            key = name.value if isinstance(name.value, str) else ""
            place = f"{path}.{key[:80]}" if path else key[:80]
            if key in found:
                self._refuse(event, place, f"Duplicate; the first is on line {found[key].line}.")
            found[key] = self._node(self._next(), place, name.line, depth + 1)
        return found
